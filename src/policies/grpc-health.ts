import { z } from "zod";
import { type BodySink, type BodySource, HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** A HealthCheckRequest is a name: more is none. */
const REQUEST_MAX = 65_536;

const SERVING = 1;
const SERVICE_UNKNOWN = 3;

/** Answers gRPC's standard health checks (grpc.health.v1.Health: Check, Watch, List) in the gateway's own name. */
export const grpcHealth: PolicyDefinition = definePolicy({
  name: "grpc-health",
  // Behind authentication and limits, as `respond` is.
  phase: "request",
  answers: true,
  options: z.strictObject({
    services: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Names that are told to serve, such as shop.v1.Orders, beside the empty one, which is the gateway as a whole (default: none).",
      ),
  }),
  reasons: {
    health_service_unknown: {
      status: 404,
      grpc: 5,
      source: "downstream",
      title: "The health of this service is not known here.",
    },
    health_method_unknown: {
      status: 404,
      grpc: 12,
      source: "downstream",
      title: "The health service has the methods Check, Watch and List.",
    },
    health_request_malformed: {
      status: 400,
      grpc: 3,
      source: "downstream",
      title: "This is not one HealthCheckRequest of gRPC.",
    },
  },
  compile({ services }) {
    const names = new Set(["", ...services]);
    const statusOf = (name: string): number => (names.has(name) ? SERVING : SERVICE_UNKNOWN);
    const list = Buffer.concat([...names].map((name) => field(1, entry(name))));
    const answers: Readonly<Record<string, (x: Exchange, name: string) => Reply>> = {
      Check: (x, name) =>
        names.has(name) ? unary(statusMessage(SERVING)) : x.reject("health_service_unknown"),
      Watch: (_x, name) => answer(new WatchBody(framed(statusMessage(statusOf(name))))),
      List: () => unary(list),
    };
    return {
      body: { request: "buffer", max: REQUEST_MAX },
      request: (x) => {
        const [, method = ""] = /^\/grpc\.health\.v1\.Health\/([A-Za-z]+)$/.exec(x.request.path) ?? [];
        if (!Object.hasOwn(answers, method)) return x.reject("health_method_unknown");
        const name = serviceOf(x.outgoing.body);
        return name === undefined ? x.reject("health_request_malformed") : answers[method]!(x, name);
      },
    };
  },
});

function answer(body: HeldBody | BodySource): Reply {
  return new Reply(200, Fields.from({ "content-type": "application/grpc" }), body);
}

function unary(message: Uint8Array): Reply {
  return answer(new HeldBody(framed(message), Fields.from({ "grpc-status": "0" })));
}

/** A message with its length before it, not compressed. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** A HealthCheckResponse; the status is its first field. */
function statusMessage(status: number): Buffer {
  return Buffer.from([0x08, status]);
}

/** A field of bytes with its number and length before it (protobuf's wire type 2). */
function field(number: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}

/** A member of the map in a HealthListResponse. */
function entry(name: string): Buffer {
  return Buffer.concat([field(1, Buffer.from(name)), field(2, statusMessage(SERVING))]);
}

/** The name in the one HealthCheckRequest of a body; undefined for what is none. */
function serviceOf(body: unknown): string | undefined {
  if (!(body instanceof HeldBody)) return undefined;
  const bytes = Buffer.from(body.bytes());
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - 5) return undefined;
  return firstText(bytes.subarray(5));
}

/** The value of a message's field 1 of bytes, empty without one; undefined for what is no message. */
function firstText(message: Buffer): string | undefined {
  let at = 0;
  let text = "";
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const octet = message[at++]!;
      value += (octet & 0x7f) * factor;
      if (octet < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const size = FIXED[tag & 7] ?? ((tag & 7) === 2 ? varint() : Number.NaN);
    if (Number.isNaN(tag)) return undefined;
    if ((tag & 7) === 0) {
      if (Number.isNaN(varint())) return undefined;
      continue;
    }
    if (!(size <= message.length - at)) return undefined;
    if (tag === 0x0a) text = message.toString("utf8", at, at + size);
    at += size;
  }
  return text;
}

/** Bytes of values of a fixed size, by wire type; those of type 0 end by themselves. */
const FIXED: Readonly<Record<number, number>> = { 0: 0, 1: 8, 5: 4 };

/** The answer to Watch: the status now, and an end when the client or the gateway goes. */
class WatchBody implements BodySource {
  readonly length = undefined;
  readonly #first: Uint8Array;

  constructor(first: Uint8Array) {
    this.#first = first;
  }

  start(sink: BodySink): void {
    sink.data(this.#first);
  }

  resume(): void {}

  cancel(): void {}
}
