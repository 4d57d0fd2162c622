import { z } from "zod";
import { challengesOf, methods as methodsOption, together } from "../identity/composite.ts";
import { Reply } from "../lib/reply.ts";
import {
  type Authentication,
  type Authenticator,
  Denied,
  defineAuthenticator,
  type Identity,
  isNobody,
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
    const all = together(ways);
    return {
      ...all,
      missing: "any_of_missing",
      ...(challenge !== undefined && { challenge }),
      authenticate: (x) => ask({ ways, hide: all.hide }, x, 0, {}),
    };
  },
});

interface AnyOf {
  readonly ways: readonly Authenticator[];
  /** Hides what might be a credential of any of them. */
  readonly hide: ((x: Exchange) => void) | undefined;
}

/** What those said that did not know: the first of each kind. */
interface Before {
  readonly denied?: Denied;
  readonly reply?: Reply;
  /** One lets everybody through, and found nobody. */
  readonly nobody?: Identity;
}

/** Asks from the way `from` on. */
function ask(
  any: AnyOf,
  x: Exchange,
  from: number,
  before: Before,
): Authentication | Promise<Authentication> {
  let said = before;
  for (let i = from; i < any.ways.length; i++) {
    const found = any.ways[i]!.authenticate(x);
    if (found instanceof Promise)
      return found.then((late) =>
        isSomebody(late) ? believed(any, late) : ask(any, x, i + 1, added(any, said, i, late)),
      );
    if (isSomebody(found)) return believed(any, found);
    said = added(any, said, i, found);
  }
  // Who sent something wrong is told so, and not sent to a login.
  return said.denied ?? said.nobody ?? said.reply;
}

function isSomebody(found: Authentication): found is Identity {
  if (found === undefined || found instanceof Denied || found instanceof Reply) return false;
  return !isNobody(found);
}

function added({ ways }: AnyOf, said: Before, at: number, found: Authentication): Before {
  if (found instanceof Denied) return { ...said, denied: said.denied ?? told(ways, at, found) };
  if (found instanceof Reply) return { ...said, reply: said.reply ?? found };
  return found === undefined ? said : { ...said, nobody: said.nobody ?? found };
}

/** At the others' credentials nobody has looked: the service must not take them for good. */
function believed({ ways, hide }: AnyOf, found: Identity): Identity {
  if (hide === undefined || ways.length === 1) return found;
  return {
    ...found,
    hide: (x) => {
      found.hide?.(x);
      hide(x);
    },
  };
}

/** A refusal with the challenges of all: its own first. */
function told(
  ways: readonly Authenticator[],
  at: number,
  { code, detail, challenge, reply }: Denied,
): Denied {
  const others = ways.flatMap((way, i) => (i === at ? [] : [way.challenge]));
  return new Denied(code, detail, challengesOf([challenge ?? ways[at]!.challenge, ...others]), reply);
}
