import { z } from "zod";
import type { ClientCertificate } from "../lib/request.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** Tells services which client certificate a request came with, or refuses requests without one. */
export const clientCertificate: PolicyDefinition = definePolicy({
  name: "client-certificate",
  phase: "authenticate",
  options: z.strictObject({
    require: z
      .boolean()
      .default(false)
      .describe(
        "Whether requests without a verified client certificate are refused with 403 (default false): for routes of a host at which certificates are optional.",
      ),
    forward: z
      .boolean()
      .default(true)
      .describe("Whether the service gets the certificate in Client-Cert (RFC 9440; default true)."),
    chain: z
      .boolean()
      .default(false)
      .describe(
        "Whether it gets in Client-Cert-Chain what the client sent of its CAs (default false); a resumed session has none.",
      ),
  }),
  reasons: {
    client_certificate_missing: {
      status: 403,
      source: "downstream",
      title: "This route takes requests with a client certificate only.",
    },
  },
  compile: ({ require, forward, chain }) => {
    return (x) => {
      const certificate = x.clientCertificate;
      if (certificate === undefined) return require ? x.reject("client_certificate_missing") : undefined;
      const { fields } = x.outgoing;
      if (forward) fields.set("client-cert", octets(certificate.der));
      if (chain && certificate.chain.length > 0) fields.set("client-cert-chain", chainOf(certificate));
      return undefined;
    };
  },
});

/** A byte sequence as fields write it (RFC 9651 §3.3.5). */
function octets(base64: string): string {
  return `:${base64}:`;
}

function chainOf({ chain }: ClientCertificate): string {
  return chain.map(octets).join(", ");
}
