import { z } from "zod";
import { challengesOf, methods as methodsOption, together } from "../identity/composite.ts";
import { Reply } from "../lib/reply.ts";
import {
  type Authentication,
  type Authenticator,
  type BodyCheck,
  Denied,
  defineAuthenticator,
  type Identity,
} from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const MISMATCH = new Denied("all_of_mismatch");

/** Asks in several ways who calls; all must know, and agree. */
export const allOf: PolicyDefinition = defineAuthenticator({
  name: "all-of",
  options: z.strictObject({
    methods: methodsOption.describe("Policies that ask who calls, in the order in which they are asked."),
  }),
  reasons: {
    all_of_missing: {
      status: 401,
      source: "downstream",
      title: "The request carries none of the credentials that are needed here.",
    },
    all_of_mismatch: {
      status: 403,
      source: "downstream",
      title: "The request's credentials belong to different consumers.",
    },
  },
  compile({ methods }, env) {
    const ways = methods.map((entry) => env.authenticator(entry));
    const challenge = challengesOf(ways.map((way) => way.challenge));
    return {
      ...together(ways),
      missing: "all_of_missing",
      ...(challenge !== undefined && { challenge }),
      authenticate: (x) => ask(ways, x, []),
    };
  },
});

type Found = Identity | Reply | undefined;

/** Asks the ways behind those that have said something; the first refusal ends it. */
function ask(
  ways: readonly Authenticator[],
  x: Exchange,
  before: readonly Found[],
): Authentication | Promise<Authentication> {
  const all = [...before];
  for (let i = all.length; i < ways.length; i++) {
    const found = ways[i]!.authenticate(x);
    if (found instanceof Promise)
      return found.then((late) =>
        late instanceof Denied ? told(ways[i]!, late) : ask(ways, x, [...all, late]),
      );
    if (found instanceof Denied) return told(ways[i]!, found);
    all.push(found);
  }
  return agreed(ways, all);
}

function told({ challenge }: Authenticator, denied: Denied): Denied {
  return new Denied(denied.code, denied.detail, denied.challenge ?? challenge, denied.reply);
}

function agreed(ways: readonly Authenticator[], all: readonly Found[]): Authentication {
  if (all.every((found) => found === undefined)) return undefined;
  const missing = all.indexOf(undefined);
  if (missing !== -1) return new Denied(ways[missing]!.missing, undefined, ways[missing]!.challenge);
  const reply = all.find((found) => found instanceof Reply);
  return reply ?? merged(all as readonly Identity[]);
}

function merged(identities: readonly Identity[]): Identity | Denied {
  const named = identities.find(({ consumer }) => consumer !== undefined);
  const name = named?.consumer?.name;
  if (identities.some(({ consumer }) => consumer !== undefined && consumer.name !== name)) return MISMATCH;
  // Of two that claim the same the first is believed.
  const claims = Object.assign({}, ...identities.toReversed().map((one) => one.claims ?? {}));
  const credential = named?.credential ?? identities.find((one) => one.credential !== undefined)?.credential;
  const confirm = identities.flatMap((one) => one.confirm ?? []);
  return {
    consumer: named?.consumer,
    credential,
    ...(confirm.length > 0 && { confirm: allOfThem(confirm) }),
    ...(identities.some((one) => one.claims !== undefined) && { claims }),
    hide: (x) => {
      for (const one of identities) one.hide?.(x);
    },
    forward: (x) => {
      for (const one of identities) one.forward?.(x);
    },
  };
}

function allOfThem(checks: readonly BodyCheck[]): BodyCheck {
  return {
    max: Math.min(...checks.map(({ max }) => max)),
    check(x) {
      for (const one of checks) {
        const denied = one.check(x);
        if (denied !== undefined) return denied;
      }
      return undefined;
    },
  };
}
