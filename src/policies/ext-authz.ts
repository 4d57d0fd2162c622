import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import { duration } from "../config/values.ts";
import { checkCall, messageIn } from "../identity/check-call.ts";
import { applyDecision, applyEdits, type CheckDecision, decisionOf } from "../identity/check-decision.ts";
import { decodeCheck, encodeCheck } from "../identity/check-messages.ts";
import { compileCheckQuestion } from "../identity/check-question.ts";
import { compileCleanse } from "../identity/client-copies.ts";
import { compileDecisionKey, DecisionCache, decisionCache } from "../identity/decision-cache.ts";
import { Failing } from "../identity/failing.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { type OutsideAnswer, replyOf } from "../identity/outside-answer.ts";
import type { Reply } from "../lib/reply.ts";
import { isDryCall } from "../pipeline/calls.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition, type PolicyEnv, type Verdict } from "../pipeline/policy.ts";
import { editableField } from "../pipeline/template-options.ts";

const options = z
  .strictObject({
    service: z
      .string()
      .min(1)
      .describe("Service of the config that is asked by gRPC: its endpoints begin with h2c:// or https://."),
    headers: z
      .array(editableField)
      .optional()
      .describe("Fields of the request that it is told (default: all, as they would go to the service now)."),
    reservedHeaders: z
      .array(editableField)
      .default([])
      .describe(
        "Fields that only it may write: a client's own of these names reach neither it nor the service (default: none).",
      ),
    body: byteSize
      .optional()
      .describe(
        "Tells it the body too; requests with a longer one are refused by 413 (default: it is not told).",
      ),
    bodyAs: z
      .enum(["text", "bytes"])
      .default("text")
      .describe("Where the body stands in the message: text for body (default), bytes for raw_body."),
    contextExtensions: z
      .record(z.string(), z.string())
      .default({})
      .describe("Words of one's own that it is told of each request: context_extensions (default: none)."),
    metadata: z
      .boolean()
      .default(true)
      .describe(
        "Tells it what the gateway found out: consumer, credential, claims, listener and route, as metadata_context of the name torana (default true).",
      ),
    timeout: duration.default(5_000).describe("How long its answer may take (default 5s)."),
    onFailure: z
      .enum(["deny", "allow"])
      .default("deny")
      .describe("What becomes of requests while it gives no answer (default deny: 503)."),
    cache: decisionCache
      .optional()
      .describe("Remembers its decisions; write the key (default: every request asks)."),
  })
  .superRefine(({ cache }, context) => {
    if (cache !== undefined && cache.key === undefined)
      context.addIssue({
        code: "custom",
        path: ["cache", "key"],
        message: "is needed: it is told of the whole request; write what its decisions depend on",
      });
  });

type Options = z.output<typeof options>;

/** Asks a service that speaks Envoy's contract for external authorization whether a request may pass. */
export const extAuthz: PolicyDefinition = definePolicy({
  name: "ext-authz",
  phase: "authorize",
  options,
  reasons: {
    ext_authz_unauthenticated: {
      status: 401,
      source: "downstream",
      title: "The authorization service does not know who calls.",
    },
    ext_authz_denied: {
      status: 403,
      source: "downstream",
      title: "The authorization service refuses the request.",
    },
    ext_authz_unavailable: {
      status: 503,
      source: "gateway",
      title: "The authorization service gives no answer.",
    },
  },
  compile(given, env) {
    const { service, body, onFailure } = given;
    env.needs("service", service);
    const failing = new Failing(env, `${service}: requests cannot be authorized`);
    const decide = compileDecide(given, env, failing);
    const cleanse = given.reservedHeaders.length > 0 ? compileCleanse(given.reservedHeaders) : undefined;
    const answered = env.slot<CheckDecision>();
    const settle = (x: Exchange, decision: CheckDecision): Verdict => {
      if (decision.answer !== undefined) return refused(x, decision.answer);
      applyDecision(x.outgoing, decision);
      if (decision.response.length > 0) answered.set(x, decision);
      return undefined;
    };
    return {
      ...(body !== undefined && { body: { request: "buffer" as const, max: body } }),
      request: (x) => {
        cleanse?.(x);
        const decision = decide(x);
        if (!(decision instanceof Promise)) return settle(x, decision);
        return decision.then(
          (late) => settle(x, late),
          (error: unknown) => {
            if (isDryCall(error)) throw error;
            failing.begun(error);
            return onFailure === "allow" ? undefined : x.reject("ext_authz_unavailable");
          },
        );
      },
      response: (x, reply) => {
        const decision = answered.get(x);
        if (decision !== undefined) applyEdits(reply.fields, decision.response);
        return undefined;
      },
    };
  },
});

/** Makes what decides about a request, from memory where it may. */
function compileDecide(
  given: Options,
  env: PolicyEnv,
  failing: Failing,
): (x: Exchange) => CheckDecision | Promise<CheckDecision> {
  const { service, body, bodyAs, headers, contextExtensions, metadata, timeout, cache: cached } = given;
  const question = compileCheckQuestion({
    ...{ headers, contextExtensions, metadata },
    body: body === undefined ? undefined : bodyAs,
  });
  const ask = async (x: Exchange): Promise<CheckDecision> => {
    const reply = await env.caller.call(checkCall(service, encodeCheck(question(x)), timeout));
    const decision = decisionOf(decodeCheck(messageIn(reply)));
    failing.ended();
    return decision;
  };
  if (cached === undefined) return ask;
  const keyOf = compileDecisionKey(cached.key ?? []);
  const name = `ext-authz ${env.place} ${fingerprint(given)}`;
  const cache = env.keep(name, () => new DecisionCache<CheckDecision>(cached, env.clock));
  return (x) => cache.decide(keyOf(x), () => ask(x));
}

function refused(x: Exchange, answer: OutsideAnswer): Reply {
  const problem = x.reject(answer.status === 401 ? "ext_authz_unauthenticated" : "ext_authz_denied");
  // A call of gRPC has its status from the reason; one that says nothing more is told by a problem document.
  if (x.grpc !== undefined) return problem;
  const bare = answer.body.length === 0 && (answer.status === 401 || answer.status === 403);
  if (!bare) return replyOf(answer);
  problem.status = answer.status;
  for (const [name, value] of answer.fields.entries())
    if (name === "set-cookie") problem.fields.append(name, value);
    else problem.fields.set(name, value);
  return problem;
}
