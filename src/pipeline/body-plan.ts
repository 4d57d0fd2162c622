import { Failure } from "../errors/failure.ts";
import { type BodyFailure, Collector, HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import type { Reply } from "../lib/reply.ts";
import { isThenable, policyFailed } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import type { BodyStep, BodyTransform, Step } from "./policy.ts";
import type { Named } from "./route.ts";
import { TransformedBody } from "./transformed-body.ts";

/** A body step, and whether it only looks. */
export interface PlannedBody extends Named<BodyStep> {
  readonly tap: boolean;
}

/** What a route does with bodies, known when the snapshot is built; undefined and 0 cost nothing. */
export interface BodyPlan {
  readonly request: readonly PlannedBody[] | undefined;
  readonly response: readonly PlannedBody[] | undefined;
  /** Bytes of the answer to hold before response steps run; 0 for none. */
  readonly responseBuffer: number;
}

/** Fields that tell of the bytes of a body, and are wrong once it is changed (RFC 9110 §8, RFC 9530). */
const TELLS_OF_BYTES = [
  "content-length",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
  "etag",
  "accept-ranges",
];

/** Puts the transforms of the request's body around it; the reply to a broken policy, if one is. */
export function planRequestBody(x: Exchange, plan: readonly PlannedBody[]): Reply | undefined {
  const { outgoing } = x;
  for (const { policy, step, tap } of plan) {
    if (outgoing.body === undefined) return undefined;
    try {
      const transform = made(step(x));
      if (transform === undefined) continue;
      outgoing.body = new TransformedBody(x, outgoing.body, transform, tap, policy);
    } catch (error) {
      return policyFailed(x, policy, error);
    }
    if (!tap) for (const name of TELLS_OF_BYTES) outgoing.fields.remove(name);
  }
  return undefined;
}

/** Puts the transforms of the answer's body around it; gives the reply to send, another one when a policy is broken. */
export function planResponseBody(x: Exchange, reply: Reply, plan: readonly PlannedBody[]): Reply {
  if (reply.tunnel !== undefined) return reply;
  for (const { policy, step, tap } of plan) {
    try {
      const transform = made(step(x));
      if (transform === undefined) continue;
      if (reply.body !== undefined) reply.body = new TransformedBody(x, reply.body, transform, tap, policy);
    } catch (error) {
      reply.discard();
      return policyFailed(x, policy, error);
    }
    if (!tap) for (const name of TELLS_OF_BYTES) reply.fields.remove(name);
  }
  return reply;
}

/** What a body step gave: it cannot wait, and a promise that it gives all the same must not break anything. */
function made(transform: BodyTransform | undefined): BodyTransform | undefined {
  if (isThenable(transform)) {
    transform.then(undefined, () => undefined);
    throw new TypeError("a body step gave a promise: only its transform may wait");
  }
  return transform;
}

/** A step that waits until the request's body is all here, before the policy that needs it whole. */
export function holdRequest(max: number): Step {
  return (x) => {
    const { body } = x.outgoing;
    if (body === undefined) return undefined;
    if ((body.length ?? 0) > max) return x.reject("body_too_large", `more than ${max} bytes`);
    if (body instanceof HeldBody) return undefined;
    if (x.request.expectsContinue) {
      x.downstream.informational(100, new Fields());
      x.outgoing.fields.remove("expect");
    }
    return new Promise((resolve) => {
      const done = (result: HeldBody | BodyFailure): void => {
        if (result instanceof HeldBody) x.outgoing.body = result;
        resolve(result instanceof HeldBody ? undefined : x.fail(new Failure(result.code, result.detail)));
      };
      body.start(new Collector(body, max, done));
    });
  };
}
