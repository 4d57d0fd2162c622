import { FieldBlock } from "../lib/field-block.ts";
import { FORWARDING, Kind } from "../lib/field-kinds.ts";
import type { Fields, ReadonlyFields } from "../lib/fields.ts";
import { Outgoing } from "../lib/outgoing.ts";
import type { Peer, ReceivedRequest } from "../lib/request.ts";
import { requestId } from "../lib/request-id.ts";
import type { Exchange } from "./exchange.ts";

/** How this gateway names itself in Via (RFC 9110 §7.6.3). */
export const VIA_NAME = "torana";

/**
 * Written anew for each try: where it goes, how long it is, which request it is. And nobody's word on a client certificate
 * passes (RFC 9440 §4).
 */
const NEVER_PASSED: number = Kind.host | Kind.contentLength | Kind.requestId | Kind.clientCert;

const SAFE_ID = /^[A-Za-z0-9._~:+/=@-]{1,128}$/;

/**
 * Step 2 of the walk: gives the exchange its id and makes what the service will be sent: without the fields of the
 * client's connection, with word of where the request came from. A client's own word on that counts only from a peer that
 * is trusted (RFC 7239 §8.1).
 */
export function receive(x: Exchange): void {
  const { request } = x;
  const { peer } = x.downstream;
  const fields = request.fields.clone();
  fields.dropHopByHop();
  fields.leaveOut(NEVER_PASSED);

  const told = request.fields.kinds;
  const given = peer.trusted && (told & Kind.requestId) !== 0 ? request.field("x-request-id") : undefined;
  if (x.id === "") x.id = given !== undefined && SAFE_ID.test(given) ? given : requestId();

  const believed = peer.trusted && (told & FORWARDING) !== 0;
  if (believed) extendForwarding(fields, peer, request);
  else {
    fields.leaveOut(FORWARDING);
    fields.putBlock(forwardingBlock(peer, request));
  }
  if (!request.expectsContinue) fields.leaveOut(Kind.expect);
  fields.put("x-request-id", x.id);
  fields.put(
    "via",
    request.version === 10 ? `1.0 ${VIA_NAME}` : request.version === 20 ? `2 ${VIA_NAME}` : `1.1 ${VIA_NAME}`,
  );

  const outgoing = new Outgoing(
    request.method,
    request.authority,
    request.path,
    request.query,
    fields,
    request.body,
  );
  outgoing.upgrade = request.upgrade;
  outgoing.takesTrailers = request.takesTrailers;
  x.outgoing = outgoing;
}

/** Whether somebody else's id may stand in logs and fields as it is. */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}

/** Gives an exchange another id: in logs, in problem documents and towards the service it stays one. */
export function giveId(x: Exchange, id: string): void {
  x.id = id;
  x.outgoing.fields.remove("x-request-id");
  x.outgoing.fields.put("x-request-id", id);
}

/** What an untrusted peer's requests are told with: made once for a connection that keeps naming one host. */
function forwardingBlock(peer: Peer, request: ReceivedRequest): FieldBlock {
  const { authority, scheme } = request;
  const made = peer.memo as ForwardingMemo | undefined;
  if (made !== undefined && made.authority === authority && made.scheme === scheme) return made.block;
  const pairs = ["x-forwarded-proto", scheme];
  if (peer.address !== "") pairs.unshift("x-forwarded-for", peer.address);
  if (authority !== "") pairs.push("x-forwarded-host", authority);
  const block = new FieldBlock(pairs);
  peer.memo = { authority, scheme, block } satisfies ForwardingMemo;
  return block;
}

interface ForwardingMemo {
  readonly authority: string;
  readonly scheme: string;
  readonly block: FieldBlock;
}

/** A trusted peer told whom it speaks for: its word stays, and the peer itself is added to it. */
function extendForwarding(fields: Fields, peer: Peer, request: ReceivedRequest): void {
  const before: ReadonlyFields = request.fields;
  const chain = before.get("x-forwarded-for");
  // A peer on a Unix socket has no address to add.
  const addresses = [chain, peer.address].filter((part) => part !== undefined && part !== "");
  fields.leaveOut(Kind.forwardedFor);
  if (addresses.length > 0) fields.put("x-forwarded-for", addresses.join(", "));
  if (!before.has("x-forwarded-proto")) fields.put("x-forwarded-proto", request.scheme);
  if (!before.has("x-forwarded-host")) fields.put("x-forwarded-host", request.authority);
  const forwarded = before.get("forwarded");
  if (forwarded === undefined) return;
  const node = peer.address.includes(":") ? `"[${peer.address}]"` : peer.address || "unknown";
  fields.leaveOut(Kind.forwarded);
  fields.put("forwarded", `${forwarded}, for=${node}`);
}
