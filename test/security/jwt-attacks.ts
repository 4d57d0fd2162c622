/** Attacks on tokens, each with the reason by which it must be refused. */
import { createHmac, type KeyObject } from "node:crypto";
import { b64, inSeconds, jwkOf, keyPair, signatureOf, token } from "../support/tokens.ts";

/** What attackers know and what they do not: the keys of the issuer, one of their own. */
export interface Stage {
  readonly issuer: string;
  readonly audience: string;
  readonly rsa: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly ec: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly secret: string;
  readonly mallory: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

/** Keys and names; the secret one is of an issuer of its own. */
export function makeStage(): Stage {
  return {
    issuer: "https://id.example",
    audience: "shop",
    rsa: keyPair("RS256"),
    ec: keyPair("ES256"),
    secret: "correct horse battery staple, 32 octets and more",
    mallory: keyPair("RS256"),
  };
}

/** Options of the policy under attack: two issuers, one with keys, one with a secret. */
export function optionsOf({ issuer, audience, rsa, ec, secret }: Stage): object {
  return {
    issuers: [
      {
        issuer,
        jwks: {
          keys: [jwkOf(rsa.publicKey, { kid: "r1", alg: "RS256" }), jwkOf(ec.publicKey, { kid: "e1" })],
        },
      },
      { issuer: "https://secret.example", secret },
    ],
    audience,
    required: ["sub"],
    claims: { role: ["user", "admin"] },
    scopes: ["read"],
    maxAge: "1h",
  };
}

/** Claims that are all right. */
export function goodClaims({ issuer, audience }: Stage): Record<string, unknown> {
  return {
    iss: issuer,
    aud: audience,
    sub: "alice",
    role: "user",
    scope: "read write",
    iat: inSeconds(-10),
    exp: inSeconds(300),
  };
}

/** A token that must be let in. */
export function goodToken(stage: Stage): string {
  return token({ alg: "RS256", kid: "r1", typ: "JWT" }, goodClaims(stage), stage.rsa.privateKey);
}

export interface Attack {
  readonly title: string;
  readonly reason: string;
  readonly make: (stage: Stage) => string;
}

type Change = Readonly<Record<string, unknown>>;

const HEADER = { alg: "RS256", kid: "r1", typ: "JWT" };

/** Signed by the issuer, with other claims. */
function claims(title: string, reason: string, change: Change | ((stage: Stage) => string)): Attack {
  const make = (stage: Stage): string => {
    const said = typeof change === "function" ? change(stage) : { ...goodClaims(stage), ...change };
    return token(HEADER, said, stage.rsa.privateKey);
  };
  return { title, reason, make };
}

/** Signed by the issuer, with another header. */
function header(title: string, reason: string, change: Change | string): Attack {
  const make = (stage: Stage): string =>
    token(
      typeof change === "string" ? change : { ...HEADER, ...change },
      goodClaims(stage),
      stage.rsa.privateKey,
      "RS256",
    );
  return { title, reason, make };
}

/** A good token whose text is changed. */
function text(title: string, reason: string, change: (token: string, stage: Stage) => string): Attack {
  return { title, reason, make: (stage) => change(goodToken(stage), stage) };
}

function parts(written: string): [string, string, string] {
  return written.split(".") as [string, string, string];
}

/** The public key as an attacker has it, in each form that a careless verifier could take for a secret. */
function confusion(form: string, secretOf: (key: KeyObject) => string | Buffer): Attack {
  const make = (stage: Stage): string => {
    const signed = `${b64('{"alg":"HS256","kid":"r1","typ":"JWT"}')}.${b64(JSON.stringify(goodClaims(stage)))}`;
    return `${signed}.${b64(createHmac("sha256", secretOf(stage.rsa.publicKey)).update(signed).digest())}`;
  };
  return { title: `HS256 with the public key as the secret, ${form}`, reason: "jwt_algorithm", make };
}

function unsigned(alg: string): Attack {
  const make = (stage: Stage): string =>
    `${b64(JSON.stringify({ alg }))}.${b64(JSON.stringify(goodClaims(stage)))}.`;
  return { title: `alg ${JSON.stringify(alg)} without a signature`, reason: "jwt_algorithm", make };
}

/** Signed by the attacker's own key. */
function own(title: string, reason: string, more: (stage: Stage) => Change): Attack {
  const make = (stage: Stage): string =>
    token({ ...HEADER, ...more(stage) }, goodClaims(stage), stage.mallory.privateKey, "RS256");
  return { title, reason, make };
}

const FORMS: readonly Attack[] = [
  text("nothing at all", "jwt_malformed", () => ""),
  text("one part", "jwt_malformed", (good) => parts(good)[0]),
  text("two parts", "jwt_malformed", (good) => parts(good).slice(0, 2).join(".")),
  text("four parts", "jwt_malformed", (good) => `${good}.${parts(good)[2]}`),
  text("five parts: encrypted", "jwt_malformed", (good) => `${good}.AAAA.AAAA`),
  text("a blank within", "jwt_malformed", (good) => good.replace(".", " .")),
  text("two tokens", "jwt_malformed", (good) => `${good} ${good}`),
  text("padding", "jwt_malformed", (good) => `${good}==`),
  text(
    "base64 in place of base64url",
    "jwt_malformed",
    (good) => `${parts(good).slice(0, 2).join(".")}.+/+/`,
  ),
  text("another spelling of the same signature", "jwt_malformed", (good) => respelled(good)),
  text("no signature", "jwt_signature", (good) => `${parts(good).slice(0, 2).join(".")}.`),
  text("half a signature", "jwt_signature", (good) => good.slice(0, -174)),
  text("too long", "jwt_too_large", (good) => good + "A".repeat(8_192)),
  text("JSON in place of the compact form", "jwt_malformed", () => '{"payload":"e30","signatures":[]}'),
];

/** The last character of 342 carries four bits that mean nothing. */
function respelled(good: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return good.slice(0, -1) + alphabet[alphabet.indexOf(good.at(-1)!) + 1]!;
}

const HEADERS: readonly Attack[] = [
  ...["none", "None", "NONE", "nOnE"].map(unsigned),
  header("alg none with a signature", "jwt_algorithm", { alg: "none" }),
  header("no alg", "jwt_malformed", { alg: undefined }),
  header("alg that is no text", "jwt_malformed", { alg: ["RS256"] }),
  header("alg that nobody knows", "jwt_algorithm", { alg: "RS257" }),
  header("alg with a blank", "jwt_algorithm", { alg: "RS256 " }),
  header("alg in lower case", "jwt_algorithm", { alg: "rs256" }),
  header("alg from Object.prototype", "jwt_algorithm", { alg: "constructor" }),
  header("alg of the same key that was not agreed on", "jwt_algorithm", { alg: "RS512" }),
  header("alg PS256 with a key for RS256", "jwt_algorithm", { alg: "PS256" }),
  header("alg of another kind of key", "jwt_algorithm", { alg: "ES256" }),
  confusion("in PEM", (key) => key.export({ type: "spki", format: "pem" })),
  confusion("in PEM without its last line end", (key) =>
    String(key.export({ type: "spki", format: "pem" })).trim(),
  ),
  confusion("in PKCS #1", (key) => key.export({ type: "pkcs1", format: "pem" })),
  confusion("in DER", (key) => key.export({ type: "spki", format: "der" })),
  confusion("as a JSON Web Key", (key) => JSON.stringify(key.export({ format: "jwk" }))),
  header("an extension that must be understood", "jwt_critical", { crit: ["exp"], exp: 1 }),
  header("an empty crit", "jwt_critical", { crit: [] }),
  header("a payload that is not encoded (RFC 7797)", "jwt_critical", { b64: false, crit: ["b64"] }),
  header("b64 without crit", "jwt_critical", { b64: false }),
  header("compression", "jwt_malformed", { zip: "DEF" }),
  header("encryption", "jwt_malformed", { enc: "A128GCM" }),
  header("two alg", "jwt_malformed", '{"alg":"none","kid":"r1","alg":"RS256"}'),
  header(
    "two alg, one spelled with an escape",
    "jwt_malformed",
    '{"alg":"none","kid":"r1","\\u0061lg":"RS256"}',
  ),
  header("a header that is a list", "jwt_malformed", '[{"alg":"RS256"}]'),
  header("a header that is no JSON", "jwt_malformed", '{"alg":"RS256",}'),
  header("__proto__ in the header", "jwt_malformed", '{"alg":"RS256","kid":"r1","__proto__":{"typ":"JWT"}}'),
  header("another type", "jwt_type", { typ: "dpop+jwt" }),
  header("a type that is no text", "jwt_malformed", { typ: 1 }),
  header("kid that is no text", "jwt_malformed", { kid: 1 }),
  header("kid as a path", "jwt_key_unknown", { kid: "../../../../dev/null" }),
  header("kid as SQL", "jwt_key_unknown", { kid: "x' UNION SELECT 'secret';--" }),
  header("kid with a line break", "jwt_malformed", { kid: "r1\r\nx: y" }),
  header("kid from Object.prototype", "jwt_key_unknown", { kid: "__proto__" }),
  header("a kid of 2,000 characters", "jwt_malformed", { kid: "k".repeat(2_000) }),
  header("the kid of another key of the issuer", "jwt_algorithm", { kid: "e1" }),
];

const KEYS: readonly Attack[] = [
  own("a key of one's own", "jwt_signature", () => ({})),
  own("a key of one's own, in the header", "jwt_own_key", ({ mallory }) => ({
    jwk: jwkOf(mallory.publicKey),
  })),
  own("a key set of one's own", "jwt_own_key", () => ({ jku: "https://mallory.example/jwks" })),
  own("a certificate of one's own", "jwt_own_key", () => ({ x5c: ["MIIB"] })),
  own("a certificate of one's own, by URL", "jwt_own_key", () => ({ x5u: "https://mallory.example/x5" })),
  {
    title: "another issuer's secret",
    reason: "jwt_signature",
    make: (stage) =>
      token(
        { alg: "HS256" },
        { ...goodClaims(stage), iss: "https://secret.example" },
        "a secret that mallory made up",
      ),
  },
  {
    title: "the secret of one issuer for another",
    reason: "jwt_algorithm",
    make: (stage) => token({ alg: "HS256" }, goodClaims(stage), stage.secret),
  },
  {
    title: "an empty secret",
    reason: "jwt_signature",
    make: (stage) => token({ alg: "HS256" }, { ...goodClaims(stage), iss: "https://secret.example" }, ""),
  },
  {
    title: "an ECDSA signature of zeros",
    reason: "jwt_signature",
    make: (stage) =>
      `${b64('{"alg":"ES256","kid":"e1"}')}.${b64(JSON.stringify(goodClaims(stage)))}.${b64(new Uint8Array(64))}`,
  },
  {
    title: "an ECDSA signature in DER",
    reason: "jwt_signature",
    make: (stage) => {
      const signed = `${b64('{"alg":"ES256","kid":"e1"}')}.${b64(JSON.stringify(goodClaims(stage)))}`;
      return `${signed}.${b64(derOf(signatureOf(signed, "ES256", stage.ec.privateKey)))}`;
    },
  },
  {
    title: "an ECDSA key of another curve",
    reason: "jwt_algorithm",
    make: (stage) => token({ alg: "ES384", kid: "e1" }, goodClaims(stage), keyPair("ES384").privateKey),
  },
  {
    title: "claims exchanged under the signature",
    reason: "jwt_signature",
    make: (stage) => {
      const [head, , signature] = parts(goodToken(stage));
      return `${head}.${b64(JSON.stringify({ ...goodClaims(stage), role: "admin" }))}.${signature}`;
    },
  },
  {
    title: "a header exchanged under the signature",
    reason: "jwt_signature",
    make: (stage) => {
      const [, body, signature] = parts(goodToken(stage));
      return `${b64('{"kid":"r1","alg":"RS256"}')}.${body}.${signature}`;
    },
  },
];

function derOf(raw: Buffer): Buffer {
  const integer = (part: Buffer): Buffer => {
    const body = part[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), part]) : part;
    return Buffer.concat([Buffer.from([2, body.length]), body]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

const CLAIMS: readonly Attack[] = [
  claims("another issuer", "jwt_issuer", { iss: "https://mallory.example" }),
  claims("no issuer", "jwt_issuer", { iss: undefined }),
  claims("an issuer that is a list", "jwt_issuer", { iss: ["https://id.example"] }),
  claims("the issuer with a slash", "jwt_issuer", { iss: "https://id.example/" }),
  claims("the issuer in other letters", "jwt_issuer", { iss: "https://ID.example" }),
  claims("another audience", "jwt_audience", { aud: "bank" }),
  claims("no audience", "jwt_audience", { aud: undefined }),
  claims("an audience that only begins alike", "jwt_audience", { aud: "shop.mallory.example" }),
  claims("an audience that is an object", "jwt_audience", { aud: { shop: "shop" } }),
  claims("nested audiences", "jwt_audience", { aud: [["shop"]] }),
  claims("expired", "jwt_expired", { exp: inSeconds(-60) }),
  claims("expired in 1970", "jwt_expired", { exp: 0 }),
  claims("no expiry", "jwt_claim", { exp: undefined }),
  claims("expiry null", "jwt_malformed", { exp: null }),
  claims("expiry as text", "jwt_malformed", { exp: "99999999999" }),
  claims("expiry in milliseconds", "jwt_malformed", { exp: Date.now() + 3_600_000 }),
  claims("negative expiry", "jwt_malformed", { exp: -1 }),
  claims("infinite expiry", "jwt_malformed", (stage) => written(stage, '"exp":1e999')),
  claims("huge expiry", "jwt_malformed", (stage) => written(stage, `"exp":${"9".repeat(400)}`)),
  claims("expiry as a list", "jwt_malformed", { exp: [inSeconds(300)] }),
  claims("not valid yet", "jwt_not_yet", { nbf: inSeconds(120) }),
  claims("nbf as text", "jwt_malformed", { nbf: "0" }),
  claims("issued in the future", "jwt_not_yet", { iat: inSeconds(600), exp: inSeconds(1_200) }),
  claims("issued long ago", "jwt_expired", { iat: inSeconds(-7_200) }),
  claims("iat as text", "jwt_malformed", { iat: "yesterday" }),
  claims("no iat", "jwt_claim", { iat: undefined }),
  claims("no subject", "jwt_claim", { sub: undefined }),
  claims("another role", "jwt_claim", { role: "root" }),
  claims("a role from Object.prototype", "jwt_claim", { role: undefined, constructor: "user" }),
  claims("a scope that only begins alike", "jwt_scope", { scope: "read:nothing" }),
  claims("two exp", "jwt_malformed", (stage) => written(stage, `"exp":1,"exp":${inSeconds(300)}`)),
  claims("two iss", "jwt_malformed", (stage) => written(stage, '"iss":"https://mallory.example"')),
  claims("__proto__", "jwt_malformed", (stage) => written(stage, '"__proto__":{"role":"admin"}')),
  claims("a name twice deep inside", "jwt_malformed", (stage) => written(stage, '"a":[{"b":{"c":1,"c":2}}]')),
  claims("nested 1,000 deep", "jwt_malformed", (stage) =>
    written(stage, `"a":${"[".repeat(1_000)}${"]".repeat(1_000)}`),
  ),
  claims("claims that are a list", "jwt_malformed", () => "[]"),
  claims("claims that are null", "jwt_malformed", () => "null"),
  claims(
    "claims with a byte order mark",
    "jwt_malformed",
    (stage) => `\ufeff${JSON.stringify(goodClaims(stage))}`,
  ),
  claims("a token within the token", "jwt_malformed", (stage) => goodToken(stage)),
  {
    title: "claims that are no UTF-8",
    reason: "jwt_malformed",
    make: (stage) => {
      const good = Buffer.from(JSON.stringify(goodClaims(stage)));
      good[good.indexOf("alice")] = 0xff;
      const signed = `${b64(JSON.stringify(HEADER))}.${b64(good)}`;
      return `${signed}.${b64(signatureOf(signed, "RS256", stage.rsa.privateKey))}`;
    },
  },
];

/** Good claims with something written behind them. */
function written(stage: Stage, more: string): string {
  return `${JSON.stringify({ ...goodClaims(stage), ...(more.startsWith('"exp"') && { exp: undefined }) }).slice(0, -1)},${more}}`;
}

export const ATTACKS: readonly Attack[] = [...FORMS, ...HEADERS, ...KEYS, ...CLAIMS];
