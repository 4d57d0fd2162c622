import { z } from "zod";
import { duration, oneOrMany } from "../config/values.ts";
import { ALGORITHM_NAMES } from "../identity/algorithms.ts";
import { claimConditions, compileClaims } from "../identity/claim-rules.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { TokenFault } from "../identity/jws.ts";
import { JwtVerifier, type VerifiedToken } from "../identity/jwt-verifier.ts";
import { compileRevoked, revokedOptions } from "../identity/revocation-source.ts";
import { TokenCache, TokenMemory } from "../identity/token-cache.ts";
import { TokenHolders } from "../identity/token-identity.ts";
import {
  BEARER,
  bearerError,
  compilePlaces,
  hideTokens,
  type TokenPlace,
  tokenPlaces,
} from "../identity/token-place.ts";
import { compileIssuer } from "../identity/trusted-issuers.ts";
import { type Authentication, Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition, PolicyEnv } from "../pipeline/policy.ts";

const jwk = z.record(z.string(), z.unknown());

const issuerOptions = {
  issuer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "What iss must say. With neither jwks, keys nor secret the issuer is asked for its keys, by OpenID Connect Discovery.",
    ),
  jwks: z
    .union([
      z.string(),
      z.strictObject({
        service: z.string().describe("Service of the config that has the keys."),
        path: z.string().startsWith("/").describe("Path of the key set there."),
      }),
      z.strictObject({ keys: z.array(jwk).min(1).meta({ secret: true }).describe("JSON Web Keys.") }),
    ])
    .optional()
    .describe("URL of the issuer's key set; or service and path; or the set itself, as keys."),
  keys: z
    .array(z.union([z.string(), jwk]))
    .min(1)
    .optional()
    .meta({ secret: true })
    .describe("Keys of the issuer: public keys or certificates in PEM, or JSON Web Keys."),
  secret: z
    .string()
    .optional()
    .meta({ secret: true })
    .describe(
      "Secret that the issuer signs with (HS256 where algorithms says nothing else); at least 32 octets.",
    ),
  algorithms: z
    .array(z.enum(ALGORITHM_NAMES))
    .min(1)
    .optional()
    .describe("Algorithms that count (default: those that fit the keys, of a secret HS256 alone)."),
  audience: oneOrMany(z.string().min(1)).describe(
    "Whom tokens must be meant for: aud has one of these (default: not looked at).",
  ),
};

const options = z.strictObject({
  ...issuerOptions,
  issuers: z
    .array(z.strictObject(issuerOptions))
    .min(1)
    .optional()
    .describe("Several issuers, each with the options above; they stand in place of those."),
  from: tokenPlaces
    .default([...BEARER])
    .describe(
      "Where the token stands, in the order of looking: { header, scheme }, { cookie }, { query } (default: Authorization: Bearer).",
    ),
  types: z
    .array(z.string().min(1))
    .default(["JWT", "at+jwt"])
    .describe("What typ may say (default: JWT, at+jwt); a token without typ counts as JWT. Empty: anything."),
  required: z.array(z.string().min(1)).default([]).describe("Claims that must be there (default: none)."),
  requireExpiry: z.boolean().default(true).describe("Tokens without exp are refused (default true)."),
  maxAge: duration.optional().describe("Tokens that were issued longer ago are refused (default: no bound)."),
  claims: claimConditions
    .default({})
    .describe(
      "What claims must say, by their names (realm_access.roles looks into objects): a value, a list of which one fits, { all: [...] }, or { regex }. A claim that is a list fits when one member does.",
    ),
  scopes: oneOrMany(z.string().min(1)).describe("Scopes that must be granted, all of them (default: none)."),
  clockSkew: duration.default(30_000).describe("How far the issuer's clock may be off (default 30s)."),
  maxBytes: z.int().min(64).max(65_536).default(8_192).describe("Length of a token at most (default 8192)."),
  consumerClaim: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Claim that names the consumer (default: the consumer that has the token's issuer and subject).",
    ),
  requireConsumer: z
    .boolean()
    .default(false)
    .describe("Tokens that belong to no consumer are refused (default false)."),
  revoked: revokedOptions.optional().describe("List of tokens that are refused although they hold."),
  refresh: duration
    .default(300_000)
    .describe("How often keys are asked for (default 5m); a shorter max-age of the answer counts instead."),
  staleFor: duration
    .default(86_400_000)
    .describe("How long the last keys are believed while the issuer does not answer (default 24h)."),
  cooldown: duration
    .default(5_000)
    .describe("A key that is not known makes the gateway ask at most once in this time (default 5s)."),
  timeout: duration.default(4_000).describe("How long the issuer may take to answer (default 4s)."),
  remember: z
    .int()
    .min(0)
    .max(10_000_000)
    .default(50_000)
    .describe(
      "Verified tokens that each worker remembers until they expire or their key goes (default 50000); 0: every request is verified anew.",
    ),
  allowHttp: z
    .boolean()
    .default(false)
    .describe(
      "Issuers and key sets may be asked without TLS (default false; on this machine they always may).",
    ),
});

type Options = z.output<typeof options>;

const CHALLENGE = "Bearer";

/** Lets in who brings a signed token (JSON Web Token) of an issuer that is trusted. */
export const jwt: PolicyDefinition = defineAuthenticator({
  name: "jwt",
  options,
  reasons: {
    jwt_missing: { status: 401, source: "downstream", title: "This route wants a token." },
    jwt_malformed: { status: 401, source: "downstream", title: "This is not a token that can be read." },
    jwt_too_large: { status: 401, source: "downstream", title: "The token is too long." },
    jwt_algorithm: {
      status: 401,
      source: "downstream",
      title: "The token is not signed as its issuer signs.",
    },
    jwt_critical: { status: 401, source: "downstream", title: "The token demands what is not understood." },
    jwt_own_key: { status: 401, source: "downstream", title: "The token names a key of its own." },
    jwt_type: { status: 401, source: "downstream", title: "The token is of another type." },
    jwt_issuer: { status: 401, source: "downstream", title: "The token's issuer is not trusted here." },
    jwt_key_unknown: {
      status: 401,
      source: "downstream",
      title: "The token's key is not one of its issuer.",
    },
    jwt_keys_unavailable: {
      status: 503,
      source: "gateway",
      title: "The keys of the token's issuer cannot be had now.",
    },
    jwt_signature: { status: 401, source: "downstream", title: "The token's signature is wrong." },
    jwt_expired: { status: 401, source: "downstream", title: "The token has expired." },
    jwt_not_yet: { status: 401, source: "downstream", title: "The token is not valid yet." },
    jwt_audience: { status: 401, source: "downstream", title: "The token is meant for somebody else." },
    jwt_claim: {
      status: 401,
      source: "downstream",
      title: "The token does not say what this route asks for.",
    },
    jwt_scope: {
      status: 403,
      source: "downstream",
      title: "The token does not grant what this route needs.",
    },
    jwt_revoked: { status: 401, source: "downstream", title: "The token was revoked." },
    jwt_revocations_unavailable: {
      status: 503,
      source: "gateway",
      title: "Which tokens are revoked cannot be known now.",
    },
    jwt_consumer: { status: 403, source: "downstream", title: "The token belongs to no consumer." },
  },
  compile(given, env) {
    const { verifier, holders, places } = compileJwt(given, env);
    const settle = (x: Exchange, found: VerifiedToken | TokenFault, place: number): Authentication =>
      found instanceof TokenFault ? denied(found) : holders.identify(x, found, place);
    return {
      missing: "jwt_missing",
      hide: (x) => hideTokens(places, x),
      challenge: CHALLENGE,
      authenticate: (x) => {
        for (let place = 0; place < places.length; place++) {
          const token = places[place]!.read(x);
          if (token === undefined) continue;
          const found = verifier.verify(token);
          return found instanceof Promise
            ? found.then((late) => settle(x, late, place))
            : settle(x, found, place);
        }
        return undefined;
      },
    };
  },
});

interface CompiledJwt {
  readonly verifier: JwtVerifier;
  readonly holders: TokenHolders;
  readonly places: readonly TokenPlace[];
  close(): void;
}

/** Policies of a thread with the same options share what they know of tokens. */
function compileJwt(given: Options, env: PolicyEnv): CompiledJwt {
  const written = issuersOf(given);
  // Key sets and lists are had by each policy on its own: whoever shares the verifier keeps them open.
  const issuers = written.map((one) => compileIssuer(one, settingsOf(given), env));
  const revocations = given.revoked === undefined ? undefined : compileRevoked(given.revoked, env);
  const memory = env.keep("token memory", () => new TokenMemory());
  return env.keep(`jwt ${fingerprint(given)}`, () => {
    const { clockSkew: skew, maxBytes: max, requireExpiry, maxAge, required, scopes } = given;
    const types = new Set(given.types.map((type) => type.toLowerCase().replace(/^application\//, "")));
    const check = compileClaims(given.claims);
    const times = { skew, requireExpiry, maxAge };
    const rules = { ...times, issuers, max, types, required, check, scopes, revocations };
    const verifier = new JwtVerifier(rules, env.clock, new TokenCache(memory, given.remember));
    const places = compilePlaces(given.from);
    const refuse = given.requireConsumer ? "jwt_consumer" : undefined;
    const names = issuers.map(({ issuer }) => issuer);
    const holders = new TokenHolders({ consumerClaim: given.consumerClaim, refuse }, places, names);
    return { verifier, holders, places, close: () => verifier.close() };
  });
}

function settingsOf({ refresh, staleFor, cooldown, timeout, allowHttp }: Options) {
  return { refresh, staleFor, cooldown, timeout, allowHttp };
}

type Issuer = Pick<Options, keyof typeof issuerOptions>;

/** Throws an Error where nobody could tell which issuer a token is of. */
function issuersOf(given: Options): readonly Issuer[] {
  const { issuers, issuer, jwks, keys, secret, algorithms, audience } = given;
  if (issuers === undefined) return [{ issuer, jwks, keys, secret, algorithms, audience }];
  const beside = Object.entries({ issuer, jwks, keys, secret, algorithms }).find(
    ([, value]) => value !== undefined,
  );
  if (beside !== undefined)
    throw new Error(`issuers: ${beside[0]} stands beside it; write it with each of them`);
  const names = issuers.map((one) => one.issuer);
  if (names.length > 1 && names.includes(undefined))
    throw new Error("issuers: of several each needs its issuer, the text that iss has");
  if (new Set(names).size < names.length)
    throw new Error("issuers: two have the same issuer; write one with the keys of both");
  return issuers.map((one) => (one.audience.length > 0 ? one : { ...one, audience }));
}

function denied({ kind, detail }: TokenFault): Denied {
  const error = kind === "scope" ? "insufficient_scope" : "invalid_token";
  return new Denied(`jwt_${kind}`, detail, bearerError(error, detail));
}
