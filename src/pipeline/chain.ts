import { Failure } from "../errors/failure.ts";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "./exchange.ts";
import type { ResponseStep, Step, Verdict } from "./policy.ts";
import type { Named } from "./route.ts";

/** Folded steps: undefined when all of them let the exchange go on. */
export type Chain = (x: Exchange) => Verdict | Promise<Verdict>;
/** Folded response steps: the reply to send. */
export type ResponseChain = (x: Exchange, reply: Reply) => Reply | Promise<Reply>;

/** Folds steps into one function. Called when a snapshot is built, never per request. */
export function chain(steps: readonly Named<Step>[]): Chain | undefined {
  if (steps.length === 0) return undefined;
  return steps.reduceRight<Chain>(
    (rest, { policy, step, patient }) =>
      (x) => {
        let verdict: unknown;
        try {
          verdict = step(x);
        } catch (error) {
          return policyFailed(x, policy, error);
        }
        if (verdict === undefined) return rest(x); // the usual case: no promise, nothing allocated
        return verdict instanceof Reply ? verdict : wait(x, policy, verdict, rest, patient === true);
      },
    () => undefined,
  );
}

/** Folds response steps; the last written runs first, so that the outermost policy has the last word. */
export function responseChain(steps: readonly Named<ResponseStep>[]): ResponseChain | undefined {
  if (steps.length === 0) return undefined;
  return steps.reduce<ResponseChain>(
    (rest, { policy, step }) =>
      (x, reply) => {
        let verdict: unknown;
        try {
          verdict = step(x, reply);
        } catch (error) {
          return rest(x, replaced(reply, policyFailed(x, policy, error)));
        }
        if (verdict === undefined) return rest(x, reply);
        if (verdict instanceof Reply) return rest(x, replaced(reply, verdict));
        return settle(x, policy, verdict).then((late) => {
          const next = late === undefined ? reply : replaced(reply, late);
          return x.ended || x.sending ? next : rest(x, next);
        });
      },
    (_x, reply) => reply,
  );
}

async function wait(
  x: Exchange,
  policy: string,
  verdict: unknown,
  rest: Chain,
  patient: boolean,
): Promise<Verdict> {
  const late = await settle(x, policy, verdict, patient);
  return late === undefined && !x.settled ? rest(x) : late;
}

/**
 * Waits for what a step promised, as long as the exchange lasts: undefined, a reply, or the reply to a failure. What
 * settles after that is nobody's any more.
 */
export async function settle(
  x: Exchange,
  policy: string,
  verdict: unknown,
  patient = false,
): Promise<Verdict> {
  try {
    if (!isThenable(verdict)) throw new TypeError("a step returned neither undefined nor a Reply");
    const value = await x.within(verdict, patient);
    if (value === undefined || value instanceof Reply) return value;
    if (value === LATE) return x.fail(new Failure("policy_timeout", `policy ${policy}`));
    if (value === GONE) return undefined;
    return policyFailed(x, policy, new TypeError("a step's promise held neither undefined nor a Reply"));
  } catch (error) {
    return policyFailed(x, policy, error);
  }
}

/** The time for waiting is up. */
export const LATE: unique symbol = Symbol("late");
/** The exchange is over. */
export const GONE: unique symbol = Symbol("gone");

/** A policy broke its contract: the client learns that, the log learns which and why. */
export function policyFailed(x: Exchange, policy: string, cause: unknown): Reply {
  return x.fail(new Failure("policy_failed", `policy ${policy}`, cause));
}

/** A reply takes another's place: whatever the other would have sent is not wanted. */
function replaced(old: Reply, reply: Reply): Reply {
  if (old === reply) return reply;
  old.discard(reply);
  return reply.own();
}

/** Whether a value must be waited for. May throw what its `then` throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
