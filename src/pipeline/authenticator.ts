import { z } from "zod";
import { Reply } from "../lib/reply.ts";
import { holdRequest } from "./body-plan.ts";
import type { Consumer } from "./consumer.ts";
import type { Exchange } from "./exchange.ts";
import {
  definePolicy,
  type PolicyDefinition,
  type PolicyEnv,
  type PolicySteps,
  type Slot,
  type Step,
  type Verdict,
} from "./policy.ts";

/** Who a request comes from, as one way of asking found out. */
export interface Identity {
  /** Undefined where a token is good but belongs to no consumer of the config. */
  readonly consumer?: Consumer | undefined;
  /** Public id of the credential, for logs. */
  readonly credential?: string | undefined;
  /** What a verified token says. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** Takes away from the outgoing request what proved it; called unless the policy says `keepCredential`. */
  readonly hide?: ((x: Exchange) => void) | undefined;
  /** Puts on the outgoing request what the service is to know of it; called after `hide`, whatever `keepCredential` says. */
  readonly forward?: ((x: Exchange) => void) | undefined;
  /** What is true only if the body is the right one; the authenticator says `readsBody`. */
  readonly confirm?: BodyCheck | undefined;
}

/** Holds the whole body against what a credential says of it. */
export interface BodyCheck {
  /** Bytes that are held at most; a larger body is answered with 413. */
  readonly max: number;
  /** The body is all here: `HeldBody`, or undefined where there is none. */
  check(x: Exchange): Denied | undefined;
}

/** A credential came with the request and does not prove anything. */
export class Denied {
  /** A reason that the policy declared. */
  readonly code: string;
  /** For the person who reads the answer: no secret, nothing that helps to guess one. */
  readonly detail: string | undefined;
  /** What `WWW-Authenticate` says instead of the usual challenge. */
  readonly challenge: string | undefined;
  /** What the client is answered instead of a problem document; calls of gRPC are not. */
  readonly reply: Reply | undefined;

  constructor(code: string, detail?: string, challenge?: string, reply?: Reply) {
    this.code = code;
    this.detail = detail;
    this.challenge = challenge;
    this.reply = reply;
  }
}

/** Whether an identity says nothing at all: everybody is let through. */
export function isNobody(identity: Identity): boolean {
  return identity.consumer === undefined && Object.values(identity).every((one) => one === undefined);
}

/** What one way of asking found: an identity, a credential that is wrong, a reply (a redirect to a login), or nothing at all. */
export type Authentication = Identity | Denied | Reply | undefined;

/** One way of asking who calls, compiled. */
export interface Authenticator extends Pick<PolicySteps, "body" | "response" | "log" | "close"> {
  /**
   * Takes away from the outgoing request what no client may say and no service may see. Called first, on every request,
   * also where another way of asking is believed.
   */
  readonly cleanse?: (x: Exchange) => void;
  /**
   * Takes away from the outgoing request what would be a credential of its kind: nobody has looked at it, since another way of
   * asking is believed.
   */
  readonly hide?: (x: Exchange) => void;
  /** Undefined where nothing of its kind came with the request. Changes nothing of the exchange. */
  authenticate(x: Exchange): Authentication | Promise<Authentication>;
  /** Reason of requests that bring nothing of its kind. */
  readonly missing: string;
  /** What `WWW-Authenticate` says to those (RFC 9110 §11.6.1). */
  readonly challenge?: string;
  /** Its identities may have a `confirm`. */
  readonly readsBody?: boolean;
}

/** A policy that asks who calls, as its file declares it. */
export interface AuthenticatorDefinition<Options extends z.ZodObject = z.ZodObject>
  extends Omit<PolicyDefinition<Options>, "compile" | "phase" | "answers" | "authenticator"> {
  /** Called when a snapshot is built. Throws what makes it refuse. */
  compile(options: z.output<Options>, env: PolicyEnv): Authenticator;
}

/** Options that every way of asking has. */
const COMMON = {
  optional: z
    .boolean()
    .default(false)
    .describe(
      "Requests that bring no credential of this kind go on without a consumer (default false); a wrong one is refused all the same.",
    ),
  anonymous: z
    .string()
    .optional()
    .describe(
      "Name of the consumer that requests without a credential of this kind count as; a wrong one is refused all the same.",
    ),
  keepCredential: z
    .boolean()
    .default(false)
    .describe("The service gets the credential as well (default false: it is taken away)."),
};

/**
 * Declares a policy that asks who calls: phase `authenticate`, with the options `optional`, `anonymous` and `keepCredential`
 * beside its own; usable alone and inside `any-of` and `all-of`.
 */
export function defineAuthenticator<Options extends z.ZodObject>(
  definition: AuthenticatorDefinition<Options>,
): PolicyDefinition {
  const { compile, options, ...rest } = definition;
  const all = options.extend(COMMON) as unknown as z.ZodObject;
  type Common = z.output<z.ZodObject<typeof COMMON>>;
  return definePolicy({
    ...rest,
    phase: "authenticate",
    options: all,
    authenticator: (given, env) => compile(given as z.output<Options>, env),
    compile: (given, env) =>
      stepsOf(compile(given as z.output<Options>, env), given as unknown as Common, env),
  }) as unknown as PolicyDefinition;
}

/** What makes steps of one way of asking, or of several together. */
export interface IdentityOptions {
  readonly optional?: boolean;
  readonly anonymous?: string | undefined;
  readonly keepCredential?: boolean;
}

/** The steps of a policy that asks who calls. */
export function stepsOf(authenticator: Authenticator, options: IdentityOptions, env: PolicyEnv): PolicySteps {
  const { body, response, log, close } = authenticator;
  const { anonymous, optional = false, keepCredential = false } = options;
  if (anonymous !== undefined) env.needs("consumer", anonymous);
  const unconfirmed = authenticator.readsBody === true ? env.slot<BodyCheck>() : undefined;
  const settle = (x: Exchange, found: Authentication): Verdict => {
    if (found instanceof Reply) return found;
    if (found instanceof Denied) {
      const refusal = refuse(x, found.code, found.detail, found.challenge ?? authenticator.challenge);
      return x.grpc === undefined ? (found.reply ?? refusal) : refusal;
    }
    const nobody = found !== undefined && isNobody(found);
    // Nobody found out whose it is: the service must not take it for good.
    if (nobody && !keepCredential) authenticator.hide?.(x);
    if (found !== undefined && (anonymous === undefined || !nobody)) {
      take(x, found, keepCredential);
      if (found.confirm !== undefined) unconfirmed?.set(x, found.confirm);
      return undefined;
    }
    if (anonymous !== undefined) {
      x.consumer = x.snapshot.consumers.named(anonymous);
      // What a policy before this one found out is another's.
      x.credential = undefined;
      if (x.consumer !== undefined) return undefined;
    } else if (optional) return undefined;
    return refuse(x, authenticator.missing, undefined, authenticator.challenge);
  };
  return {
    ...(body && { body }),
    ...(response && { response }),
    ...(log && { log }),
    ...(close && { close }),
    ...(unconfirmed && { withBody: confirming(unconfirmed, authenticator) }),
    request: (x) => {
      authenticator.cleanse?.(x);
      const found = authenticator.authenticate(x);
      return found instanceof Promise ? found.then((late) => settle(x, late)) : settle(x, found);
    },
  };
}

/** The step that holds the body where an identity depends on it: only after the head has proved who sent it. */
function confirming(unconfirmed: Slot<BodyCheck>, { challenge }: Authenticator): Step {
  return (x) => {
    const confirm = unconfirmed.get(x);
    if (confirm === undefined) return undefined;
    const settle = (failed: Verdict): Verdict => {
      if (failed !== undefined) return failed;
      const denied = confirm.check(x);
      return denied && refuse(x, denied.code, denied.detail, denied.challenge ?? challenge);
    };
    const held = holdRequest(confirm.max)(x);
    return held instanceof Promise ? held.then(settle) : settle(held);
  };
}

/** Puts an identity on the exchange. */
function take(x: Exchange, identity: Identity, keepCredential: boolean): void {
  if (identity.consumer !== undefined) x.consumer = identity.consumer;
  if (identity.credential !== undefined) x.credential = identity.credential;
  if (identity.claims !== undefined) x.claims = identity.claims;
  if (!keepCredential) identity.hide?.(x);
  identity.forward?.(x);
}

function refuse(x: Exchange, code: string, detail: string | undefined, challenge: string | undefined): Reply {
  const reply = x.reject(code, detail);
  // Who lacks a scope is told so with 403 (RFC 6750 §3.1); other 403s have no challenge.
  if (challenge !== undefined && (reply.status === 401 || challenge.includes('error="insufficient_scope"')))
    reply.fields.set("www-authenticate", challenge);
  return reply;
}
