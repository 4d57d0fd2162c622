import { createPublicKey, type KeyObject, type webcrypto } from "node:crypto";
import { z } from "zod";
import { readHash } from "../lib/api-key.ts";
import { readPasswordHash } from "../lib/password-hash.ts";
import { NAME_MESSAGE } from "./route-schema.ts";

/** From when on, and until when, a credential proves something; milliseconds since 1970. */
export interface LifeConfig {
  readonly notBefore?: number | undefined;
  readonly expires?: number | undefined;
}

/** A consumer as it is written, in the config or on a line of a file. */
export interface ConsumerConfig {
  readonly name: string;
  readonly groups?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly permissions?:
    | readonly { readonly methods: readonly string[]; readonly paths: readonly string[] }[]
    | undefined;
  /** `hash`: what the key is found by. */
  readonly keys?:
    | readonly (LifeConfig & { readonly id?: string | undefined; readonly hash: string })[]
    | undefined;
  readonly basic?: readonly (LifeConfig & { readonly username: string; readonly hash: string })[] | undefined;
  readonly hmac?: readonly (LifeConfig & { readonly id: string; readonly secret: string })[] | undefined;
  /** `publicKey`: PEM of its SubjectPublicKeyInfo. */
  readonly signatures?:
    | readonly (LifeConfig & { readonly id: string; readonly publicKey: string })[]
    | undefined;
  readonly subjects?: readonly { readonly issuer: string; readonly subject: string }[] | undefined;
  readonly certificates?: readonly (LifeConfig & CertificateConditionConfig)[] | undefined;
}

/** One of these. */
export interface CertificateConditionConfig {
  /** SHA-256 in lower-case hexadecimal. */
  readonly fingerprint?: string | undefined;
  readonly san?: string | undefined;
  readonly subject?: string | undefined;
}

/** What stands in logs and is put together with other texts has no control characters. */
const text = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^\P{Cc}*$/u, "holds control characters; remove them");

/** A date or a time as RFC 3339 writes it; a date is its first moment in UTC. */
const moment = z
  .string()
  .meta({ title: "a date or a time", examples: ["2027-01-31"] })
  .transform((written, context) => {
    const read = momentOf(written);
    if (read !== undefined) return read;
    context.addIssue({
      code: "custom",
      message: "not a date or a time; write 2027-01-31 or 2027-01-31T12:00:00Z",
    });
    return z.NEVER;
  });

/** Milliseconds since 1970 of a date or a time with its zone; undefined for anything else. */
export function momentOf(written: string): number | undefined {
  const [, date = "", time] =
    /^(\d{4}-\d\d-\d\d)([Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d))?$/.exec(written) ?? [];
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) return undefined;
  const at = time === undefined ? day.getTime() : Date.parse(`${date}T${time.slice(1).toUpperCase()}`);
  return Number.isNaN(at) ? undefined : at;
}

const notBefore = moment
  .optional()
  .describe("Before this it proves nothing: a date or a time (default from now on).");
const expires = moment
  .optional()
  .describe("From this on it proves nothing: a date or a time (default never).");

const HASH = "not the hash of a key; make it with torana key hash";
const key = z.strictObject({
  id: text.optional().describe("What logs call it (default the consumer's name and a number)."),
  hash: z
    .string({ error: HASH })
    .meta({ secret: true, examples: ["sha256:…"] })
    .describe("sha256: and the key's SHA-256; torana key create and torana key hash make it.")
    .transform((written, context) => {
      const read = readHash(written);
      if (read !== undefined) return read;
      context.addIssue({ code: "custom", message: HASH });
      return z.NEVER;
    }),
  notBefore,
  expires,
});

const PASSWORD = "not the hash of a password; make it with torana password hash";
const basic = z.strictObject({
  username: text
    .normalize("NFC")
    .refine((name) => !name.includes(":"), { error: "holds a colon, which no user of Basic may" })
    .describe("Name of the user, without a colon."),
  hash: z
    .string({ error: PASSWORD })
    .meta({ secret: true, examples: ["$scrypt$…"] })
    .refine((written) => readPasswordHash(written) !== undefined, { error: PASSWORD })
    .describe("$scrypt$… or $argon2id$… in PHC form; torana password hash makes it."),
  notBefore,
  expires,
});

const hmac = z.strictObject({
  id: text.describe("Id of the key, which requests name."),
  secret: z
    .string({ error: "not text; write the secret, or ${env:NAME}" })
    .min(16, { error: "is shorter than 16 characters; write a longer one" })
    .max(4_096)
    .meta({ secret: true })
    .describe("The shared secret; best by ${env:NAME} or ${file:path}."),
  notBefore,
  expires,
});

const PUBLIC = "not a public key; write its PEM (BEGIN PUBLIC KEY) or its JWK";
const signature = z.strictObject({
  id: text.describe("Id of the key, which signatures name."),
  publicKey: z
    .union([z.string(), z.record(z.string(), z.unknown())], { error: PUBLIC })
    .meta({ title: "a public key in PEM or as a JWK" })
    .describe("The public key: PEM, or a JWK as a map.")
    .transform((written, context) => {
      const read = publicPem(written);
      if (read !== undefined) return read;
      context.addIssue({ code: "custom", message: PUBLIC });
      return z.NEVER;
    }),
  notBefore,
  expires,
});

/** The PEM of a public key; undefined for what is none, and for a private key: that is nobody's but the consumer's. */
function publicPem(written: string | Readonly<Record<string, unknown>>): string | undefined {
  const isPrivate = typeof written === "string" ? /PRIVATE/.test(written) : "d" in written || "k" in written;
  if (isPrivate) return undefined;
  try {
    const read: KeyObject =
      typeof written === "string"
        ? createPublicKey(written)
        : createPublicKey({ key: written as webcrypto.JsonWebKey, format: "jwk" });
    return read.export({ type: "spki", format: "pem" }) as string;
  } catch {
    return undefined;
  }
}

const subject = z.strictObject({
  issuer: text.describe("Who signed the token: its iss."),
  subject: text.describe("Whom it is about: its sub."),
});

const certificate = z
  .strictObject({
    fingerprint: z
      .string()
      .transform((written) => written.replaceAll(":", "").toLowerCase())
      .refine((written) => /^[0-9a-f]{64}$/.test(written), {
        error: "not a fingerprint; write the certificate's SHA-256 in hexadecimal",
      })
      .optional()
      .describe("SHA-256 of the certificate in hexadecimal."),
    san: z
      .string()
      .regex(/^(?:DNS|URI|IP|email):./, "not an alternative name; write DNS:…, URI:…, IP:… or email:…")
      .transform((written) =>
        written.startsWith("DNS:") ? written.toLowerCase().replace("dns:", "DNS:") : written,
      )
      .optional()
      .describe("An alternative name with its kind: DNS:a.example, URI:spiffe://…, IP:10.0.0.1, email:a@b."),
    subject: text
      .optional()
      .describe("The whole subject, the most specific part first: CN=orders,O=Example."),
    notBefore,
    expires,
  })
  .refine(
    ({ fingerprint, san, subject: name }) =>
      [fingerprint, san, name].filter((one) => one !== undefined).length === 1,
    { error: "names not exactly one of fingerprint, san and subject; write one of them" },
  );

const permission = z.strictObject({
  methods: z
    .array(
      z
        .string()
        .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "not a method; write GET, POST …")
        .toUpperCase(),
    )
    .default([])
    .describe("Methods; left out: all."),
  paths: z
    .array(z.string().regex(/^\/\S*$/, "not a path; begin it with /"))
    .default([])
    .describe("/exact, /with/{parameter}, /prefix/*; left out: all."),
});

/** A consumer as it is written. */
export const consumerSchema: z.ZodType<ConsumerConfig> = z.strictObject({
  name: z
    .string()
    .max(200)
    .regex(/^[^\s\p{Cc}]+$/u, NAME_MESSAGE.replace(" and slashes", ""))
    .describe("Its name in logs and policies, without spaces."),
  groups: z.array(text).optional().describe("Groups that it belongs to."),
  tags: z.array(text).optional().describe("Words that say something about it."),
  metadata: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("What else is known of it, for expressions and fields that are forwarded; nothing secret."),
  permissions: z
    .array(permission)
    .optional()
    .describe("What it may ask for, where a route checks permissions; left out: nothing is said."),
  keys: z
    .array(key)
    .optional()
    .describe("API keys, for key-auth; two may overlap while one takes the other's place."),
  basic: z.array(basic).optional().describe("Users with passwords, for basic-auth."),
  hmac: z.array(hmac).optional().describe("Shared secrets of request signatures."),
  signatures: z.array(signature).optional().describe("Public keys of message signatures (RFC 9421)."),
  subjects: z.array(subject).optional().describe("Whose tokens it sends, for jwt, introspection and oidc."),
  certificates: z.array(certificate).optional().describe("Client certificates, for mtls."),
}) as unknown as z.ZodType<ConsumerConfig>;
