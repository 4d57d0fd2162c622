import type { Clock } from "../lib/clock.ts";
import type { Exchange } from "./exchange.ts";
import { schemeOf } from "./scheme.ts";
import { TLS_LOG_FIELDS } from "./tls-log-fields.ts";

/** A value of a line; undefined where it is not known. */
export type LogValue = string | number | undefined;

/**
 * What a text may hold: `plain`, nothing that needs an escape; `ours`, any Unicode, and mostly that of the line before: from
 * the config or a certificate; `wire`, any octets, as Latin-1; `peer`, the same, but it is what a connection says of itself each time; `literal`, a number or a word of JSON as it is.
 */
export type LogKind = "plain" | "ours" | "wire" | "peer" | "literal";

/** What a line can tell of an exchange that is over, by name. Times are in milliseconds. */
export interface LogField {
  /** One sentence for the reference. */
  readonly tells: string;
  readonly kind: LogKind;
  read(x: Exchange, clock: Clock): LogValue;
}

/** What a line can tell, by name. */
export const LOG_FIELDS: Readonly<Record<string, LogField>> = {
  time: {
    tells: "when the request began, in UTC",
    kind: "plain",
    read: (x, clock) => isoTime(clock.wall() - x.outcome!.duration),
  },
  id: { tells: "id of the exchange", kind: "plain", read: (x) => x.id },
  client: { tells: "address of the client", kind: "peer", read: (x) => x.clientAddress || undefined },
  listener: { tells: "name of the listener", kind: "ours", read: (x) => x.listener || undefined },
  method: { tells: "method", kind: "plain", read: (x) => x.request.method || undefined },
  scheme: { tells: "http or https", kind: "plain", read: schemeOf },
  host: { tells: "host as the client wrote it", kind: "peer", read: (x) => x.request.authority || undefined },
  path: { tells: "path without its query", kind: "wire", read: (x) => x.request.path || undefined },
  query: {
    tells: "query with its ?; it may carry secrets",
    kind: "wire",
    read: (x) => x.request.query || undefined,
  },
  version: { tells: "version of HTTP", kind: "plain", read: (x) => VERSIONS[x.request.version] },
  status: {
    tells: "status; 499 when the client left before",
    kind: "literal",
    read: (x) => x.outcome!.status,
  },
  bytes: { tells: "bytes of the answer's body", kind: "literal", read: (x) => x.outcome!.bytes },
  complete: {
    tells: "whether the whole answer went out",
    kind: "literal",
    read: (x) => `${x.outcome!.complete}`,
  },
  duration: {
    tells: "milliseconds from the head of the request to the end of the answer",
    kind: "literal",
    read: (x) => rounded(x.outcome!.duration),
  },
  gateway: {
    tells: "milliseconds until the answer was ready, without the wait for the service",
    kind: "literal",
    read: (x) => rounded(untilHead(x) - (upstream(x) ?? 0)),
  },
  upstream: {
    tells: "milliseconds of waiting for the service's answer; null when it was not asked",
    kind: "literal",
    read: (x) => rounded(upstream(x)),
  },
  route: { tells: "name of the route", kind: "ours", read: (x) => x.route.name },
  service: { tells: "name of the service", kind: "ours", read: (x) => x.route.serviceName || undefined },
  endpoint: { tells: "endpoint of the last try", kind: "ours", read: (x) => x.endpoint },
  attempts: { tells: "tries", kind: "literal", read: (x) => x.attempts },
  consumer: { tells: "name of the consumer", kind: "ours", read: (x) => x.consumer?.name },
  credential: {
    tells: "public id of what proved who it is",
    kind: "ours",
    read: (x) => x.credential,
  },
  reason: {
    tells: "why the gateway answered or failed by itself",
    kind: "plain",
    read: (x) => x.outcome!.reason,
  },
  grpcStatus: {
    tells: "gRPC status that the client was told, from the trailers; null for what is no gRPC call",
    kind: "literal",
    read: (x) => x.outcome!.grpcStatus,
  },
  userAgent: {
    tells: "what the client calls itself",
    kind: "peer",
    read: (x) => x.request.field("user-agent"),
  },
  ...TLS_LOG_FIELDS,
};

const VERSIONS: Readonly<Record<number, string>> = { 10: "1.0", 11: "1.1", 20: "2" };

/** Milliseconds until an answer was ready; the whole time where none was. */
function untilHead({ sentAt, startedAt, outcome }: Exchange): number {
  return sentAt === 0 ? outcome!.duration : sentAt - startedAt;
}

/** Milliseconds of waiting for the service; a service that never answered was waited for until the end. */
function upstream(x: Exchange): number | undefined {
  if (x.attempts === 0) return undefined;
  return x.answeredAt === 0 ? untilHead(x) - (x.forwardedAt - x.startedAt) : x.answeredAt - x.forwardedAt;
}

/** Behind the dot, by thousandths: cheaper than what the engine does to write a fraction. */
const FRACTIONS: readonly string[] = Array.from(
  { length: 1_000 },
  (_, i) => `.${String(i).padStart(3, "0")}`,
);

/** With three digits behind the dot: more would be noise. */
function rounded(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined;
  const thousandths = Math.max(0, Math.round(milliseconds * 1_000));
  return Math.floor(thousandths / 1_000) + FRACTIONS[thousandths % 1_000]!;
}

let second = Number.NaN;
let upToSecond = "";

/** The time in the form of RFC 3339 with milliseconds; all but those is made once a second. */
function isoTime(wall: number): string {
  const now = Math.floor(wall / 1_000);
  if (now !== second) {
    second = now;
    upToSecond = new Date(now * 1_000).toISOString().slice(0, 20);
  }
  const rest = Math.floor(wall) - now * 1_000;
  return `${upToSecond}${rest < 10 ? "00" : rest < 100 ? "0" : ""}${rest}Z`;
}
