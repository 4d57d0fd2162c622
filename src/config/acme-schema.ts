import { z } from "zod";

/** Certificates that a CA gives by ACME (RFC 8555): ordered and renewed by the gateway itself. */
export interface AcmeConfig {
  /** Names that one certificate is for. */
  readonly hosts: readonly string[];
  /** Where the CA writes to. */
  readonly email: string | undefined;
  /** URL of the CA's directory. */
  readonly directory: string;
  /** Certificates of the CA's own server, as PEM text, where the system does not trust it. */
  readonly ca?: string | undefined;
  /** Folder with the account's key and the certificates; absolute once the config is read. */
  readonly storage: string;
  readonly challenge: "http-01" | "tls-alpn-01";
  /** The CA's terms of service are agreed to. */
  readonly terms: true;
  /** Ties the account to one that the CA knows already (RFC 8555 §7.3.4). */
  readonly binding: { readonly kid: string; readonly key: string } | undefined;
}

/** The directory that is used where none is named. */
export const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);

const host = z
  .string()
  .transform((value) => value.toLowerCase())
  .refine((value) => NAME.test(value) && value.length <= 253 && !/^[0-9.]+$/.test(value), {
    message: "not a name that a CA can check by these challenges; write a whole name without * and port",
  });

/** `acme` of a listener's `tls`. */
export const acme: z.ZodType<AcmeConfig> = z.strictObject({
  hosts: z
    .array(host)
    .min(1)
    .max(100)
    .meta({ examples: [["shop.example", "www.shop.example"]] })
    .describe("Names that one certificate is ordered for; *.names need a file."),
  email: z.email().optional().describe("Where the CA writes to when something is wrong."),
  directory: z
    .url({ protocol: /^https$/, error: "not a directory; write the CA's https address" })
    .default(LETS_ENCRYPT)
    .describe("Address of the CA's ACME directory (default: Let's Encrypt)."),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Certificates by which the CA's own server is believed: a file or PEM text; left out: the system's.",
    ),
  storage: z
    .string()
    .min(1)
    .default("acme")
    .describe(
      "Folder for the account's key and the certificates, relative to this file; gateways may share it (default acme).",
    ),
  challenge: z
    .enum(["http-01", "tls-alpn-01"])
    .default("http-01")
    .describe(
      "How the CA sees that the names lead here: by http on port 80 (default), or by TLS on port 443 of this listener.",
    ),
  terms: z
    .literal(true, { error: "is needed; read the CA's terms of service and write terms: true" })
    .describe("The CA's terms of service are agreed to."),
  binding: z
    .strictObject({
      kid: z.string().min(1).describe("The key's name, from the CA."),
      key: z.string().min(1).describe("The key, in base64url: ${env:…} or ${file:…}."),
    })
    .optional()
    .describe("External account binding, where the CA asks for it."),
}) as unknown as z.ZodType<AcmeConfig>;
