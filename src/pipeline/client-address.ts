import { Kind } from "../lib/field-kinds.ts";
import type { Peer, ReceivedRequest } from "../lib/request.ts";

/** Who sends a request: the peer, or whom a trusted peer says that it speaks for (X-Forwarded-For). */
export function clientAddressOf(request: ReceivedRequest, peer: Peer): string {
  if (!peer.trusted || (request.fields.kinds & Kind.forwardedFor) === 0) return peer.address;
  const chain = request.field("x-forwarded-for");
  return chain === undefined ? peer.address : clientIn(chain, peer);
}

/** The last address in the chain that no trusted proxy stands behind. */
function clientIn(chain: string, peer: Peer): string {
  const addresses = chain.split(",").map((part) => part.trim());
  for (let i = addresses.length - 1; i > 0; i--) if (!peer.trusts(addresses[i]!)) return addresses[i]!;
  return addresses[0] || peer.address;
}
