import { z } from "zod";
import { lifeOf } from "../identity/credential-life.ts";
import type { ClientCertificate } from "../lib/request.ts";
import { Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Consumers, Credential } from "../pipeline/consumer.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const UNKNOWN = new Denied("mtls_unknown");
const AMBIGUOUS = new Denied("mtls_ambiguous");
const EXPIRED = new Denied("mtls_expired");
const EARLY = new Denied("mtls_not_yet");

type By = "fingerprint" | "san" | "subject";

/** Knows consumers by the client certificate of the connection, which the listener verified. */
export const mtls: PolicyDefinition = defineAuthenticator({
  name: "mtls",
  options: z.strictObject({
    by: z
      .array(z.enum(["fingerprint", "san", "subject"]))
      .min(1)
      .default(["fingerprint", "san", "subject"])
      .describe(
        "What of the certificate a consumer may be known by, the first that one has counts (default: fingerprint, san, subject); names are worth what the listener's CAs are.",
      ),
  }),
  reasons: {
    mtls_missing: { status: 403, source: "downstream", title: "The connection has no client certificate." },
    mtls_unknown: {
      status: 403,
      source: "downstream",
      title: "The client certificate belongs to no consumer.",
    },
    mtls_ambiguous: {
      status: 403,
      source: "downstream",
      title: "The names of the client certificate belong to several consumers.",
    },
    mtls_expired: { status: 403, source: "downstream", title: "The client certificate has expired." },
    mtls_not_yet: { status: 403, source: "downstream", title: "The client certificate is not valid yet." },
  },
  compile({ by }, { clock }) {
    return {
      missing: "mtls_missing",
      authenticate(x) {
        const certificate = x.clientCertificate;
        if (certificate === undefined) return undefined;
        const now = clock.wall();
        // A connection, or a session that is resumed, may outlive it.
        if (now >= certificate.notAfter) return EXPIRED;
        const credential = credentialOf(certificate, by, x.snapshot.consumers);
        if (credential === undefined || credential === "ambiguous")
          return credential === undefined ? UNKNOWN : AMBIGUOUS;
        const life = lifeOf(credential, now);
        if (life !== "valid") return life === "expired" ? EXPIRED : EARLY;
        return { consumer: credential.consumer, credential: credential.id };
      },
    };
  },
});

function credentialOf(
  certificate: ClientCertificate,
  by: readonly By[],
  consumers: Consumers,
): Credential | "ambiguous" | undefined {
  for (const one of by) {
    const found = TEXTS[one](certificate).flatMap((text) => consumers.find("certificate", text) ?? []);
    const [first] = found;
    if (first === undefined) continue;
    return found.every(({ consumer }) => consumer.name === first.consumer.name) ? first : "ambiguous";
  }
  return undefined;
}

/** What credentials are looked up by. */
const TEXTS: Readonly<Record<By, (certificate: ClientCertificate) => readonly string[]>> = {
  fingerprint: ({ fingerprint }) => [`sha256:${fingerprint}`],
  san: ({ names }) =>
    names.map((name) => `san:${name.startsWith("DNS:") ? `DNS:${name.slice(4).toLowerCase()}` : name}`),
  subject: ({ subject }) => [`subject:${subject}`],
};
