import { z } from "zod";
import { challengesOf, methods as methodsOption, together } from "../identity/composite.ts";
import { Reply } from "../lib/reply.ts";
import {
  type Authentication,
  type Authenticator,
  Denied,
  defineAuthenticator,
} from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

/** Asks in several ways who calls; the first that knows is believed. */
export const anyOf: PolicyDefinition = defineAuthenticator({
  name: "any-of",
  options: z.strictObject({
    methods: methodsOption.describe("Policies that ask who calls, in the order in which they are asked."),
  }),
  reasons: {
    any_of_missing: {
      status: 401,
      source: "downstream",
      title: "The request carries no credential of any kind that is accepted here.",
    },
  },
  compile({ methods }, env) {
    const ways = methods.map((entry) => env.authenticator(entry));
    const challenge = challengesOf(ways.map((way) => way.challenge));
    return {
      ...together(ways),
      missing: "any_of_missing",
      ...(challenge !== undefined && { challenge }),
      authenticate: (x) => ask(ways, x, 0, undefined, undefined),
    };
  },
});

/** Asks from the way `from` on; `denied` and `reply` are what those before it said, the first of each. */
function ask(
  ways: readonly Authenticator[],
  x: Exchange,
  from: number,
  denied: Denied | undefined,
  reply: Reply | undefined,
): Authentication | Promise<Authentication> {
  let wrong = denied;
  let redirect = reply;
  for (let i = from; i < ways.length; i++) {
    const found = ways[i]!.authenticate(x);
    if (found instanceof Promise) return found.then((late) => goOn(ways, x, i, late, wrong, redirect));
    if (found instanceof Denied) wrong ??= told(ways, i, found);
    else if (found instanceof Reply) redirect ??= found;
    else if (found !== undefined) return found;
  }
  // Who sent something wrong is told so, and not sent to a login.
  return wrong ?? redirect;
}

function goOn(
  ways: readonly Authenticator[],
  x: Exchange,
  at: number,
  found: Authentication,
  denied: Denied | undefined,
  reply: Reply | undefined,
): Authentication | Promise<Authentication> {
  if (found instanceof Denied) return ask(ways, x, at + 1, denied ?? told(ways, at, found), reply);
  if (found instanceof Reply) return ask(ways, x, at + 1, denied, reply ?? found);
  return found ?? ask(ways, x, at + 1, denied, reply);
}

/** A refusal with the challenges of all: its own first. */
function told(ways: readonly Authenticator[], at: number, { code, detail, challenge, reply }: Denied): Denied {
  const others = ways.flatMap((way, i) => (i === at ? [] : [way.challenge]));
  return new Denied(code, detail, challengesOf([challenge ?? ways[at]!.challenge, ...others]), reply);
}
