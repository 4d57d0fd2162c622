import { Fields } from "../lib/fields.ts";
import { formatGrpcTimeout, grpcStatusIn, grpcStatusOfHttp } from "../lib/grpc.ts";
import type { CallReply, CallRequest } from "../pipeline/calls.ts";

const PATH = "/envoy.service.auth.v3.Authorization/Check";

/** Length and compression in front of a message (gRPC over HTTP/2, Length-Prefixed-Message). */
const PREFIX = 5;

/** Bytes of an answer at most. */
const ANSWER_MAX = 1_048_576;

/** The call of gRPC that asks a service with one message. */
export function checkCall(service: string, message: Uint8Array, timeout: number): CallRequest {
  const body = new Uint8Array(PREFIX + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, PREFIX);
  const fields = Fields.from({
    "content-type": "application/grpc",
    "grpc-timeout": formatGrpcTimeout(timeout),
    "user-agent": "torana",
  });
  return { to: { service, path: PATH }, method: "POST", fields, body, timeout, max: ANSWER_MAX };
}

/** The one message of an answer. Throws an Error that says how the call failed. */
export function messageIn({ status, fields, body, trailers }: CallReply): Uint8Array {
  const code = grpcStatusIn(trailers) ?? grpcStatusIn(fields);
  if (status !== 200)
    throw new Error(`it answered with status ${status} (grpc-status ${code ?? grpcStatusOfHttp(status)})`);
  if (code === undefined) throw new Error("its answer has no grpc-status; is it a service of gRPC?");
  if (code !== 0) throw new Error(`it answered with grpc-status ${code}`);
  if (body.length < PREFIX) throw new Error("its answer has no message");
  if (body[0] !== 0) throw new Error("its answer is compressed, which was not asked for");
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (length !== body.length - PREFIX) throw new Error("its answer is not one whole message");
  return body.subarray(PREFIX);
}
