import { z } from "zod";
import { duration } from "../config/values.ts";
import { isLoopback } from "../identity/browser.ts";
import { Login } from "../identity/login.ts";
import { type OidcRules, oidcAuthenticator } from "../identity/oidc.ts";
import { OIDC_REASONS } from "../identity/oidc-reasons.ts";
import { Provider } from "../identity/provider.ts";
import { Renewals } from "../identity/renewals.ts";
import { Seal } from "../identity/seal.ts";
import { Sessions } from "../identity/session.ts";
import { type AuthenticatorDefinition, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { LimitRule } from "../pipeline/limits.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { editableField } from "../pipeline/template-options.ts";

/** Parameters of the authorization request that the gateway writes itself. */
const OURS = [
  "client_id",
  "response_type",
  "response_mode",
  "redirect_uri",
  "scope",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "request",
  "request_uri",
];

/** One of the workers and gateways writes a session at a time, and not again for this long; less where sessions end soon. */
const TURN = 30_000;

const path = z
  .string()
  .regex(/^\/(?![/\\])[A-Za-z0-9._~/-]*$/, "not a path; write /oidc/callback, without a query")
  .meta({ title: "a path", examples: ["/oidc/callback"] });

const page = z.string().regex(/^\/(?![/\\])[^\s\\#]*$/, "not a path of this site; write /welcome");

const secret = z
  .string()
  .min(32, "too short to be a secret; make one of 32 random characters or more: openssl rand -base64 48")
  .meta({ secret: true });

const siteUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === "https:";
  if (url?.origin === text && (secure || (url.protocol === "http:" && isLoopback(url.hostname))))
    return { origin: url.origin, secure };
  context.addIssue({
    code: "custom",
    message: "not an origin that cookies are safe with; write https://app.example without a path",
  });
  return z.NEVER;
});

const session = z.strictObject({
  cookie: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,40}$/, "not a name for a cookie; write letters, digits and _")
    .default("torana")
    .describe("Name of the cookie (default torana); over https `__Host-` stands before it."),
  lifetime: duration
    .default(28_800_000)
    .describe("After this a person must log in again, whatever happens (default 8h)."),
  idle: duration.default(3_600_000).describe("The same after no request for this long (default 1h)."),
  max: z
    .int()
    .min(1_000)
    .max(24_000)
    .default(12_000)
    .describe(
      "Bytes of all cookies of one session (default 12000); the whole head of a request must hold them.",
    ),
});

const options = z
  .strictObject({
    issuer: z
      .url({ protocol: /^https?$/, error: "not an issuer; write https://login.example" })
      .describe(
        "Issuer identifier of the provider; its metadata are read from `/.well-known/openid-configuration` below.",
      ),
    service: z
      .string()
      .optional()
      .describe(
        "Service of the config by which the provider is asked: its endpoints, CA and timeouts (default: by the provider's own addresses).",
      ),
    allowHttp: z
      .boolean()
      .default(false)
      .describe("The provider may be asked over plain http (default false); this machine always may."),
    timeout: duration.default(5_000).describe("How long the provider may take for an answer (default 5s)."),
    clockSkew: duration.default(30_000).describe("How far the provider's clock may be off (default 30s)."),
    clientId: z.string().min(1).describe("Name of this gateway at the provider."),
    clientSecret: z
      .string()
      .min(1)
      .meta({ secret: true })
      .optional()
      .describe("Its secret there; left out for a public client."),
    clientAuth: z
      .enum(["basic", "post"])
      .default("basic")
      .describe("How the secret is shown: in Authorization (`basic`, the default) or in the form (`post`)."),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "not a scope"))
      .default(["openid"])
      .describe(
        "What is asked for (default openid); many providers give a refresh token for offline_access only.",
      ),
    parameters: z
      .record(z.string(), z.string())
      .default({})
      .describe("More parameters of the authorization request: `prompt`, `audience`, `acr_values`."),
    userInfo: z
      .boolean()
      .default(false)
      .describe("More claims are read from the provider's UserInfo endpoint at the login (default false)."),
    secret: z
      .union([secret, z.array(secret).min(1)])
      .describe(
        "Secret that seals sessions, the same on all gateways; of a list the first seals and all open.",
      ),
    origin: siteUrl
      .optional()
      .describe(
        "Where browsers see this site: https://app.example (default: scheme and host of each request).",
      ),
    callback: path
      .default("/oidc/callback")
      .describe(
        "Where the provider sends people back to (default /oidc/callback); registered there, and on a route of this policy.",
      ),
    logout: path.default("/oidc/logout").describe("Who comes here is logged out (default /oidc/logout)."),
    login: path
      .optional()
      .describe(
        "Who comes here logs in, and goes to the path in `return` then: /oidc/login?return=/cart (default: there is no such place).",
      ),
    afterLogin: page.default("/").describe("Page after a login where none was asked for by GET (default /)."),
    afterLogout: z
      .union([page, z.url({ protocol: /^https$/ })])
      .optional()
      .describe(
        "Page after a logout: a path or an https URL; registered at the provider (default: the provider's own).",
      ),
    loginTimeout: duration.default(600_000).describe("How long a login may take (default 10m)."),
    unauthenticated: z
      .enum(["login", "refuse", "allow"])
      .default("login")
      .describe(
        "What becomes of requests without a session: browsers that open a page go to the login, others get 401 (`login`, the default); all get 401 (`refuse`); all go on (`allow`).",
      ),
    session: session.prefault({}).describe("The session's cookie and its life."),
    renewBefore: duration
      .default(60_000)
      .describe(
        "How long before its end the access token is renewed, where there is a refresh token (default 60s).",
      ),
    store: z
      .string()
      .default("local")
      .describe(
        "Store by which gateways agree who renews a session (default local: the workers of this one).",
      ),
    claims: z
      .array(z.string())
      .optional()
      .describe("Claims that the session keeps beside `iss` and `sub` (default: all of the ID token)."),
    consumerClaim: z
      .string()
      .optional()
      .describe("Claim that names the consumer (default: a consumer's `subjects` are looked at)."),
    requireConsumer: z
      .boolean()
      .default(false)
      .describe("People who are no consumer of the config are refused with 403 (default false)."),
    forward: z
      .strictObject({
        access: editableField
          .optional()
          .describe(
            "Field in which the service gets the access token; in `authorization` as a Bearer token.",
          ),
        id: editableField.optional().describe("Field in which it gets the ID token."),
      })
      .default({})
      .describe(
        "Tokens for the service (default: none); a client's own fields of these names are always removed.",
      ),
  })
  .superRefine((given, context) => {
    const { issuer, allowHttp, scopes, parameters, callback, logout, login, afterLogout } = given;
    const wrong = (key: string, message: string): void =>
      context.addIssue({ code: "custom", path: [key], message });
    if (URL.canParse(issuer)) {
      const { protocol, hostname, search, hash } = new URL(issuer);
      if (protocol === "http:" && !allowHttp && !isLoopback(hostname))
        wrong("issuer", "plain http to another machine; write https, or allowHttp: true");
      if (search !== "" || hash !== "") wrong("issuer", "an issuer has no query and no fragment");
    }
    if (!scopes.includes("openid")) wrong("scopes", "openid is missing: without it there is no ID token");
    for (const name of Object.keys(parameters))
      if (OURS.includes(name)) wrong("parameters", `${name} is written by the gateway itself`);
    if (new Set([callback, logout, login]).size < 3)
      wrong("callback", "callback, logout and login must be different paths");
    const { claims, consumerClaim = "sub", session, loginTimeout } = given;
    if (Math.min(session.idle, session.lifetime, loginTimeout) < 1_000)
      wrong(loginTimeout < 1_000 ? "loginTimeout" : "session", "over before it begins; write 1s or more");
    const kept = [consumerClaim, consumerClaim.replace(/\..*$/s, "")];
    if (claims !== undefined && !kept.some((name) => [...claims, "sub", "iss"].includes(name)))
      wrong("claims", `${kept[1]} is not among them, and consumerClaim needs it`);
    if (afterLogout === logout) wrong("afterLogout", "leads to the logout again");
  });

/** Has people log in at an OpenID provider and keeps who they are in an encrypted cookie. */
export const oidc: PolicyDefinition = defineAuthenticator({
  name: "oidc",
  options,
  reasons: OIDC_REASONS,
  compile(written, env) {
    const { issuer, service, timeout, clientId, session } = written;
    if (service !== undefined) env.needs("service", service);
    const insecure = written.allowHttp || isLoopback(new URL(issuer).hostname);
    const provider = env.keep(
      `oidc provider ${issuer} ${service ?? ""} ${timeout} ${insecure}`,
      () =>
        new Provider(
          { issuer, service, timeout, insecure, tell: (line) => env.tell(line) },
          env.caller,
          env.clock,
        ),
    );
    // So that the first person need not wait; where it fails, the first person asks.
    provider.metadata().catch(() => undefined);
    const seal = new Seal([written.secret].flat(), `${issuer}\0${clientId}\0${session.cookie}`);
    const client = {
      id: clientId,
      secret: written.clientSecret,
      auth: written.clientAuth,
      scopes: written.scopes,
      parameters: written.parameters,
      skew: Math.round(written.clockSkew / 1_000),
      userInfo: written.userInfo,
    };
    const window = Math.max(1, Math.floor(Math.min(TURN, session.idle / 10)));
    const turn: LimitRule = { algorithm: "token-bucket", limit: 1, window, burst: 1 };
    const parts = {
      login: new Login(provider, client, seal, session.cookie, written.loginTimeout, env.clock),
      sessions: new Sessions(seal, session, env.clock),
      renewals: env.keep(
        `oidc renewals ${issuer} ${clientId} ${session.cookie}`,
        () => new Renewals(env.clock),
      ),
      turns: env.limiter(written.store, `oidc ${issuer} ${clientId} ${session.cookie}`, [turn]),
    };
    return oidcAuthenticator(rulesOf(written), parts, env);
  },
} satisfies AuthenticatorDefinition<typeof options>);

function rulesOf(written: z.output<typeof options>): OidcRules {
  const { optional, anonymous } = written as { optional?: boolean; anonymous?: string };
  return {
    site: written.origin,
    cookie: written.session.cookie,
    callback: written.callback,
    logout: written.logout,
    login: written.login,
    afterLogin: written.afterLogin,
    afterLogout: written.afterLogout,
    unauthenticated: written.unauthenticated,
    optional: optional === true || anonymous !== undefined,
    touchAfter: written.session.idle / 10,
    renewBefore: written.renewBefore,
    forwardAccess: written.forward.access?.toLowerCase(),
    forwardId: written.forward.id?.toLowerCase(),
    consumerClaim: written.consumerClaim,
    requireConsumer: written.requireConsumer,
    claims: written.claims,
  };
}
