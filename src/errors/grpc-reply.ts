import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import {
  encodeGrpcMessage,
  type GrpcKind,
  GrpcStatus,
  grpcStatusOfHttp,
  grpcTrailerFrame,
  grpcTypeOf,
} from "../lib/grpc.ts";
import { Reply } from "../lib/reply.ts";
import { type ReasonSpec, reasonSpec } from "./reasons.ts";

/** Where the gateway can say more than the mapping of statuses does. */
const OWN: Readonly<Record<number, number>> = {
  408: GrpcStatus.deadlineExceeded,
  413: GrpcStatus.resourceExhausted,
  431: GrpcStatus.resourceExhausted,
  499: GrpcStatus.cancelled,
  500: GrpcStatus.internal,
  501: GrpcStatus.unimplemented,
  504: GrpcStatus.deadlineExceeded,
};

/** The gRPC status of a reason: its own, else by its status. */
export function grpcStatusOfReason({ grpc, status }: ReasonSpec): number {
  return grpc ?? OWN[status] ?? grpcStatusOfHttp(status);
}

/** Status and message of a failure as trailers: for an answer that has begun, or in the place of one. */
export function grpcFailureFields(
  code: string,
  detail?: string,
  extra?: Readonly<Record<string, ReasonSpec>>,
): Fields {
  const spec = reasonSpec(code, extra);
  const fields = new Fields();
  fields.put("grpc-status", String(grpcStatusOfReason(spec)));
  fields.put(
    "grpc-message",
    encodeGrpcMessage(`${code}: ${spec.title}${detail === undefined ? "" : ` ${detail}`}`),
  );
  return fields;
}

/**
 * The answer to a failed gRPC call: 200 with status and message in its head and no body (Trailers-Only); for gRPC-Web they
 * are the only frame of its body, where scripts can read them.
 */
export function grpcReply(
  kind: GrpcKind,
  code: string,
  requestId: string,
  detail?: string,
  extra?: Readonly<Record<string, ReasonSpec>>,
): Reply {
  const told = grpcFailureFields(code, detail, extra);
  const reply = new Reply(200, kind.web ? new Fields() : told);
  reply.fields.put("content-type", grpcTypeOf(kind));
  reply.fields.put("x-request-id", requestId);
  if (kind.web) {
    const frame = grpcTrailerFrame(told);
    reply.body = new HeldBody(kind.text ? frame.toString("base64") : frame);
  }
  reply.reason = code;
  return reply;
}
