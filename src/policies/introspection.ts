import { z } from "zod";
import { duration, oneOrMany } from "../config/values.ts";
import { claimConditions, compileClaims } from "../identity/claim-rules.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { type ActiveToken, Introspector, type Unproven } from "../identity/introspector.ts";
import { TokenFault } from "../identity/jws.ts";
import { compileAddress, serverAddress } from "../identity/server-address.ts";
import { TokenMemory } from "../identity/token-cache.ts";
import { TokenHolders } from "../identity/token-identity.ts";
import { BEARER, bearerError, compilePlaces, hideTokens, tokenPlaces } from "../identity/token-place.ts";
import { type Authentication, Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const options = z.strictObject({
  ...serverAddress,
  clientId: z.string().min(1).describe("Name by which the gateway asks."),
  clientSecret: z.string().min(1).meta({ secret: true }).describe("Secret by which it asks."),
  auth: z
    .enum(["basic", "post"])
    .default("basic")
    .describe("How it says both: by Authorization (default), or by post."),
  from: tokenPlaces
    .default([...BEARER])
    .describe(
      "Where the token stands, in the order of looking: { header, scheme }, { cookie }, { query } (default: Authorization: Bearer).",
    ),
  cacheFor: duration
    .default(30_000)
    .describe(
      "How long the answer about a token that holds is believed, at most until it expires (default 30s; 0s: each request asks).",
    ),
  inactiveFor: duration
    .default(5_000)
    .describe("How long the answer about one that does not hold is (default 5s)."),
  timeout: duration.default(5_000).describe("How long the server may take to answer (default 5s)."),
  issuer: z.string().min(1).optional().describe("What iss must say (default: not looked at)."),
  audience: oneOrMany(z.string().min(1)).describe(
    "Whom tokens must be meant for: aud has one of these (default: not looked at).",
  ),
  required: z
    .array(z.string().min(1))
    .default([])
    .describe("Members that the answer must have (default: none)."),
  claims: claimConditions.default({}).describe("What members of the answer must say, as jwt writes it."),
  scopes: oneOrMany(z.string().min(1)).describe("Scopes that must be granted, all of them (default: none)."),
  maxBytes: z.int().min(16).max(65_536).default(4_096).describe("Length of a token at most (default 4096)."),
  consumerClaim: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Member that names the consumer, such as client_id or username (default: the consumer that has issuer and sub; then issuer must be written).",
    ),
  requireConsumer: z
    .boolean()
    .default(false)
    .describe("Tokens that belong to no consumer are refused (default false)."),
});

/** Lets in who brings a token that its server says holds (RFC 7662). */
export const introspection: PolicyDefinition = defineAuthenticator({
  name: "introspection",
  options,
  reasons: {
    token_missing: { status: 401, source: "downstream", title: "This route wants a token." },
    token_malformed: { status: 401, source: "downstream", title: "This is not a token." },
    token_too_large: { status: 401, source: "downstream", title: "The token is too long." },
    token_inactive: { status: 401, source: "downstream", title: "The token does not hold." },
    token_expired: { status: 401, source: "downstream", title: "The token has expired." },
    token_not_yet: { status: 401, source: "downstream", title: "The token is not valid yet." },
    token_issuer: { status: 401, source: "downstream", title: "The token's issuer is not trusted here." },
    token_audience: { status: 401, source: "downstream", title: "The token is meant for somebody else." },
    token_claim: {
      status: 401,
      source: "downstream",
      title: "The token does not say what this route asks for.",
    },
    token_scope: {
      status: 403,
      source: "downstream",
      title: "The token does not grant what this route needs.",
    },
    token_consumer: { status: 403, source: "downstream", title: "The token belongs to no consumer." },
    token_unavailable: {
      status: 503,
      source: "gateway",
      title: "Whether the token holds cannot be known now.",
    },
  },
  compile(given, env) {
    const { clientId, clientSecret, auth, maxBytes: max, ...rest } = given;
    const { to, name } = compileAddress(given, env);
    const memory = env.keep("token memory", () => new TokenMemory());
    const { introspector, holders, places } = env.keep(`introspection ${fingerprint(given)}`, () => {
      const { cacheFor, inactiveFor, timeout, issuer, audience, required, scopes } = rest;
      const introspector = new Introspector(
        {
          ...{ to, name, max, cacheFor, inactiveFor, timeout, issuer, audience, required, scopes },
          login: { clientId, clientSecret, auth },
          check: compileClaims(rest.claims),
          caller: env.caller,
          clock: env.clock,
          tell: (line) => env.tell(line),
        },
        memory,
      );
      const places = compilePlaces(rest.from);
      const refuse = rest.requireConsumer ? "token_consumer" : undefined;
      const holders = new TokenHolders({ consumerClaim: rest.consumerClaim, refuse }, places, [issuer]);
      return { introspector, holders, places, close: () => introspector.close() };
    });
    const settle = (x: Exchange, found: ActiveToken | Unproven, place: number): Authentication =>
      typeof found === "string" || found instanceof TokenFault
        ? denied(found)
        : holders.identify(x, found, place);
    return {
      missing: "token_missing",
      hide: (x) => hideTokens(places, x),
      challenge: "Bearer",
      authenticate: (x) => {
        for (let place = 0; place < places.length; place++) {
          const token = places[place]!.read(x);
          if (token === undefined) continue;
          const found = introspector.introspect(token);
          return found instanceof Promise
            ? found.then((late) => settle(x, late, place))
            : settle(x, found, place);
        }
        return undefined;
      },
    };
  },
});

function denied(found: Unproven): Denied {
  if (found === "unavailable") return new Denied("token_unavailable");
  if (found === "inactive") {
    const detail = "the token has expired, was revoked, or never was one";
    return new Denied("token_inactive", detail, bearerError("invalid_token", detail));
  }
  const { kind, detail } = found;
  return new Denied(
    `token_${kind}`,
    detail,
    bearerError(kind === "scope" ? "insufficient_scope" : "invalid_token", detail),
  );
}
