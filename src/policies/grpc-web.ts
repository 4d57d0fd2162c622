import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { grpcKindOf, grpcTrailerFrame, grpcTypeOf } from "../lib/grpc.ts";
import { decodeHeldText, TextRequestBody, WebAnswerBody } from "../lib/grpc-web.ts";
import type { Reply } from "../lib/reply.ts";
import { beginCall, type GrpcCall } from "../pipeline/grpc.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** What an answer without a body carries in its head, and gRPC-Web in its last frame. */
const TOLD = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/** Lets browsers call gRPC services: gRPC-Web, binary and text, becomes gRPC and its answer gRPC-Web again. */
export const grpcWeb: PolicyDefinition = definePolicy({
  name: "grpc-web",
  // First of all, so that whatever refuses the call does so in words that the browser's client reads.
  phase: "receive",
  options: z.strictObject({}),
  compile() {
    return {
      request: (x) => {
        const kind = grpcKindOf(x.request.field("content-type"));
        if (kind?.web !== true || x.request.method !== "POST") return undefined;
        const call: GrpcCall = { kind, deadline: Number.POSITIVE_INFINITY, status: undefined };
        const broken = beginCall(x, call);
        if (broken !== undefined) return x.fail(broken);
        const { outgoing } = x;
        outgoing.fields.set("content-type", `application/grpc${kind.format}`);
        outgoing.fields.remove("accept");
        outgoing.takesTrailers = true;
        if (!kind.text || outgoing.body === undefined) return undefined;
        if (!(outgoing.body instanceof HeldBody)) {
          outgoing.body = new TextRequestBody(outgoing.body);
          return undefined;
        }
        const bytes = decodeHeldText(outgoing.body);
        if (bytes === undefined) return x.fail(new Failure("body_malformed", "not base64"));
        outgoing.body = bytes;
        return undefined;
      },
      response: (x, reply) => {
        const kind = x.grpc?.kind;
        if (kind?.web === true) toWeb(reply, kind.text, grpcTypeOf(kind));
      },
    };
  },
});

/** Makes a gRPC answer one of gRPC-Web; what is no gRPC, or gRPC-Web already, stays as it is. */
function toWeb(reply: Reply, text: boolean, type: string): void {
  const { fields, body } = reply;
  const is = grpcKindOf(fields.get("content-type"));
  if (is === undefined || is.web) return;
  fields.set("content-type", type);
  fields.remove("content-length");
  const told = new Fields();
  for (const name of TOLD) {
    const value = fields.get(name);
    if (value === undefined) continue;
    told.put(name, value);
    fields.remove(name);
  }
  const only = told.has("grpc-status");
  if (only || body === undefined || body instanceof HeldBody) {
    const trailers = only || !(body instanceof HeldBody) ? told : (body.trailers ?? told);
    const content = !only && body instanceof HeldBody ? body.bytes() : new Uint8Array();
    if (only && body !== undefined && !(body instanceof HeldBody)) body.cancel();
    const whole = Buffer.concat([content, grpcTrailerFrame(trailers)]);
    reply.body = new HeldBody(text ? whole.toString("base64") : whole);
  } else reply.body = new WebAnswerBody(body, text);
}
