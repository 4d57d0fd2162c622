import type { JsonObject } from "@bufbuild/protobuf";
import { HeldBody } from "../lib/body.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { CheckAttributes, CheckHttpRequest, CheckPeer } from "./check-messages.ts";
import { FieldNames } from "./client-copies.ts";

/** What an authorization service is told. */
export interface CheckQuestion {
  /** Names of fields; undefined for all. */
  readonly headers: readonly string[] | undefined;
  /** The body, as text or as bytes; undefined: it is not sent. */
  readonly body: "text" | "bytes" | undefined;
  readonly contextExtensions: Readonly<Record<string, string>>;
  readonly metadata: boolean;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 10: "HTTP/1.0", 11: "HTTP/1.1", 20: "HTTP/2" };

/** Makes what is told of a request: as it would go to its service now, after the policies before. */
export function compileCheckQuestion(question: CheckQuestion): (x: Exchange) => CheckAttributes {
  const { contextExtensions, metadata } = question;
  const named = question.headers && new FieldNames(question.headers);
  return (x) => {
    const wall = x.snapshot.clock.wall();
    const time = { seconds: BigInt(Math.floor(wall / 1_000)), nanos: Math.floor(wall % 1_000) * 1_000_000 };
    const sni = x.tls?.serverName;
    const { serviceName } = x.route;
    return {
      source: sourceOf(x),
      destination: serviceName === undefined ? {} : { service: serviceName },
      request: { time, http: requestOf(x, named, question.body) },
      contextExtensions,
      metadataContext: { filterMetadata: metadata ? { torana: metadataOf(x) } : {} },
      ...(sni !== undefined && sni !== "" && { tlsSession: { sni } }),
    };
  };
}

function sourceOf(x: Exchange): CheckPeer {
  const { peer } = x.downstream;
  const { clientAddress: address, clientCertificate: certificate } = x;
  const portValue = address === peer.address ? peer.port : 0;
  const principal =
    certificate?.spiffeId ?? certificate?.names[0]?.replace(/^[A-Za-z]+:/, "") ?? certificate?.subject;
  return {
    ...(address !== "" && { address: { socketAddress: { address, portValue } } }),
    ...(principal !== undefined && { principal }),
  };
}

function requestOf(
  x: Exchange,
  named: FieldNames | undefined,
  wants: CheckQuestion["body"],
): CheckHttpRequest {
  const { request, outgoing } = x;
  const { method, scheme, authority: host } = request;
  // As the client asked, but for a credential that a policy took out of the query.
  const path = request.path + outgoing.query;
  // Without a prototype: a field may have any name.
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, { ":authority": host, ":method": method, ":path": path, ":scheme": scheme });
  for (const [name, value] of outgoing.fields.entries()) {
    if (named !== undefined && !named.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ","}${value}`;
  }
  const held = outgoing.body;
  const size = BigInt(held === undefined ? 0 : (held.length ?? -1));
  const protocol = PROTOCOLS[request.version] ?? "HTTP/1.1";
  const bytes = held instanceof HeldBody ? held.bytes() : undefined;
  return {
    ...{ id: x.id, method, headers, path, host, scheme, size, protocol },
    ...(bytes && wants === "text" && { body: Buffer.from(bytes).toString() }),
    ...(bytes && wants === "bytes" && { rawBody: bytes }),
  };
}

/** What the gateway found out; credentials are not in it. */
function metadataOf({ consumer, credential, claims, listener, route }: Exchange): JsonObject {
  const { name, groups = [], tags = [] } = consumer ?? { name: undefined };
  return {
    listener,
    route: route.name,
    ...(name !== undefined && { consumer: { name, groups: [...groups], tags: [...tags] } }),
    ...(credential !== undefined && { credential }),
    ...(claims !== undefined && { claims: claims as JsonObject }),
  };
}
