import type { ReadonlyFields } from "./fields.ts";

/** How a request speaks gRPC, by its content-type (gRPC over HTTP/2, gRPC-Web). */
export interface GrpcKind {
  /** gRPC-Web: trailers are the last frame of the body. */
  readonly web: boolean;
  /** gRPC-Web whose body is base64. */
  readonly text: boolean;
  /** How messages are written: "+proto", "+json", or empty. */
  readonly format: string;
}

/** Status codes of gRPC that the gateway itself gives. */
export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const TYPE = /^application\/grpc(-web(-text)?)?(\+[a-z0-9.+-]+)?[ \t]*(?:;.*)?$/;

/** The kind of gRPC that a media type names; undefined for any other. */
export function grpcKindOf(contentType: string | undefined): GrpcKind | undefined {
  if (contentType === undefined) return undefined;
  const found = TYPE.exec(contentType.toLowerCase());
  if (found === null) return undefined;
  return { web: found[1] !== undefined, text: found[2] !== undefined, format: found[3] ?? "" };
}

/** The media type of an answer to a request of this kind. */
export function grpcTypeOf({ web, text, format }: GrpcKind): string {
  return `application/grpc${web ? "-web" : ""}${text ? "-text" : ""}${format}`;
}

/** What a client makes of an HTTP status that comes without a gRPC status (gRPC's "HTTP to gRPC Status Code Mapping"). */
export function grpcStatusOfHttp(status: number): number {
  return OF_HTTP[status] ?? GrpcStatus.unknown;
}

const OF_HTTP: Readonly<Record<number, number>> = {
  400: GrpcStatus.internal,
  401: GrpcStatus.unauthenticated,
  403: GrpcStatus.permissionDenied,
  404: GrpcStatus.unimplemented,
  429: GrpcStatus.unavailable,
  502: GrpcStatus.unavailable,
  503: GrpcStatus.unavailable,
  504: GrpcStatus.unavailable,
};

/** The gRPC status that trailers, or the head of an answer without a body, carry; undefined where there is none. */
export function grpcStatusIn(fields: ReadonlyFields | undefined): number | undefined {
  const text = fields?.get("grpc-status");
  if (text === undefined) return undefined;
  const status = /^[0-9]{1,2}$/.test(text) ? Number(text) : GrpcStatus.unknown;
  return status > 16 ? GrpcStatus.unknown : status;
}

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds of a grpc-timeout; undefined for what is none. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit = ""] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit]!;
}

/** A grpc-timeout of so many milliseconds, rounded down: at most eight digits, at least a millisecond. */
export function formatGrpcTimeout(milliseconds: number): string {
  const whole = Math.max(1, Math.floor(milliseconds));
  if (whole < 1e8) return `${whole}m`;
  const seconds = Math.floor(whole / 1_000);
  return seconds < 1e8 ? `${seconds}S` : `${Math.min(99_999_999, Math.floor(seconds / 3_600))}H`;
}

/** A text as grpc-message carries it: UTF-8, percent-encoded but for printable ASCII. */
export function encodeGrpcMessage(text: string): string {
  let encoded = "";
  for (const octet of Buffer.from(text))
    encoded +=
      octet < 0x20 || octet > 0x7e || octet === 0x25
        ? `%${octet.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(octet);
  return encoded;
}

/** Trailers as the last frame of a gRPC-Web body. */
export function grpcTrailerFrame(trailers: ReadonlyFields): Buffer {
  let lines = "";
  for (const [name, value] of trailers.entries()) lines += `${name}:${value}\r\n`;
  const frame = Buffer.allocUnsafe(5 + lines.length);
  frame[0] = 0x80;
  frame.writeUInt32BE(lines.length, 1);
  frame.write(lines, 5, "latin1");
  return frame;
}
