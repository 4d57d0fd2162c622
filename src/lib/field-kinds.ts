/**
 * The fields that a gateway itself must understand, each with a bit of its own, so that "is it there" and "leave it
 * out" are one bit operation for a whole head. Every other field is ordinary (0).
 */
export const Kind = {
  connection: 0x1,
  keepAlive: 0x2,
  proxyConnection: 0x4,
  te: 0x8,
  trailer: 0x10,
  transferEncoding: 0x20,
  upgrade: 0x40,
  contentLength: 0x80,
  host: 0x100,
  expect: 0x200,
  forwarded: 0x400,
  forwardedFor: 0x800,
  forwardedProto: 0x1000,
  forwardedHost: 0x2000,
  forwardedPort: 0x4000,
  realIp: 0x8000,
  via: 0x10000,
  requestId: 0x20000,
  http2Settings: 0x40000,
  date: 0x80000,
  authorization: 0x100000,
  wwwAuthenticate: 0x200000,
  proxyAuthenticate: 0x400000,
  proxyAuthorization: 0x800000,
  setCookie: 0x1000000,
  cookie: 0x2000000,
  /** An underscore spelling of a field above (`content_length`): a service that folds `_` to `-` would believe it. */
  lookalike: 0x4000000,
  /** Client-Cert and Client-Cert-Chain (RFC 9440). */
  clientCert: 0x8000000,
  /** X-Api-Key: where most API keys stand, looked for in each request. */
  apiKey: 0x10000000,
} as const;

/** Fields of one connection, never of the message: removed both ways (RFC 9110 §7.6.1). */
export const HOP_BY_HOP: number =
  Kind.connection |
  Kind.keepAlive |
  Kind.proxyConnection |
  Kind.te |
  Kind.transferEncoding |
  Kind.upgrade |
  Kind.http2Settings |
  Kind.proxyAuthenticate |
  Kind.proxyAuthorization;

/** What says where a request came from: believed from trusted peers only. */
export const FORWARDING: number =
  Kind.forwarded |
  Kind.forwardedFor |
  Kind.forwardedProto |
  Kind.forwardedHost |
  Kind.forwardedPort |
  Kind.realIp;

const names: readonly (readonly [string, number])[] = [
  ["connection", Kind.connection],
  ["keep-alive", Kind.keepAlive],
  ["proxy-connection", Kind.proxyConnection],
  ["te", Kind.te],
  ["trailer", Kind.trailer],
  ["transfer-encoding", Kind.transferEncoding],
  ["upgrade", Kind.upgrade],
  ["content-length", Kind.contentLength],
  ["host", Kind.host],
  ["expect", Kind.expect],
  ["forwarded", Kind.forwarded],
  ["x-forwarded-for", Kind.forwardedFor],
  ["x-forwarded-proto", Kind.forwardedProto],
  ["x-forwarded-host", Kind.forwardedHost],
  ["x-forwarded-port", Kind.forwardedPort],
  ["x-real-ip", Kind.realIp],
  ["via", Kind.via],
  ["x-request-id", Kind.requestId],
  ["http2-settings", Kind.http2Settings],
  ["date", Kind.date],
  ["authorization", Kind.authorization],
  ["www-authenticate", Kind.wwwAuthenticate],
  ["proxy-authenticate", Kind.proxyAuthenticate],
  ["proxy-authorization", Kind.proxyAuthorization],
  ["set-cookie", Kind.setCookie],
  ["cookie", Kind.cookie],
  ["client-cert", Kind.clientCert],
  ["x-api-key", Kind.apiKey],
  ["client-cert-chain", Kind.clientCert],
];

const kindByName: ReadonlyMap<string, number> = new Map(names);

/** The kind of a field by its name in lower case; 0 for an ordinary one. */
export function kindOf(name: string): number {
  return kindByName.get(name) ?? (name.includes("_") ? lookalikeOf(name) : 0);
}

/** A name as octets, to be compared where it arrives. */
interface Candidate {
  readonly octets: Uint8Array;
  readonly kind: number;
}

/** Names by length and first letter: at most two share a place, nearly all others have none. */
const candidates: (Candidate[] | undefined)[] = new Array(32 * 32).fill(undefined);
for (const [name, kind] of names) {
  const place = placeOf(name.length, name.charCodeAt(0));
  candidates[place] ??= [];
  candidates[place].push({ octets: Buffer.from(name), kind });
}

/** The kind of the field whose name stands in `bytes[start, end)`; the name is a token. */
export function kindAt(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length >= 32) return 0;
  const there = candidates[placeOf(length, bytes[start]!)];
  if (there === undefined) return 0;
  for (const { octets, kind } of there) {
    const match = compare(bytes, start, octets);
    if (match !== DIFFERENT) return match === SAME ? kind : Kind.lookalike;
  }
  return 0;
}

const DIFFERENT = 0;
const SAME = 1;
const FOLDED = 2;

/** Compares without case; an underscore counts as a hyphen, but the name is then only a lookalike. */
function compare(bytes: Uint8Array, start: number, octets: Uint8Array): number {
  let result = SAME;
  for (let i = 0; i < octets.length; i++) {
    const octet = bytes[start + i]!;
    const wanted = octets[i]!;
    if (octet === wanted || (wanted >= 0x61 && (octet | 0x20) === wanted)) continue;
    if (octet !== 0x5f || wanted !== 0x2d) return DIFFERENT;
    result = FOLDED;
  }
  return result;
}

function placeOf(length: number, first: number): number {
  return length * 32 + (first & 31);
}

function lookalikeOf(name: string): number {
  return kindByName.has(name.replaceAll("_", "-")) ? Kind.lookalike : 0;
}
