import { z } from "zod";
import { type AddressPrefix, addressKey } from "../lib/address-key.ts";
import { compileClaim } from "../pipeline/claim.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { compileExchangeExpression } from "./exchange-expression.ts";
import { hostOf } from "./host.ts";
import { RequestView } from "./request-view.ts";

const NAMED = ["consumer", "credential", "ip", "route", "listener", "host"] as const;

const name = z.string().min(1);

/** An expression that is compiled when the config is read, so that what is wrong with it is shown there. */
export function expressionOption(
  wants: "string" | "number",
  withResponse = false,
): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((text, context) => {
      try {
        compileExchangeExpression(text, wants, withResponse);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .meta({ title: "a CEL expression" });
}

/** One part of a key. */
export type KeyPart =
  | (typeof NAMED)[number]
  | { readonly header: string }
  | { readonly claim: string }
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly expression: string };

const part: z.ZodType<KeyPart, KeyPart> = z
  .union([
    z.enum(NAMED),
    z.strictObject({ header: name.describe("A field of the request.") }),
    z.strictObject({
      claim: name.describe("A claim of the verified token; a path with dots leads into it."),
    }),
    z.strictObject({ cookie: name.describe("A cookie.") }),
    z.strictObject({ query: name.describe("A query parameter.") }),
    z.strictObject({ expression: expressionOption("string").describe("Any text, as a CEL expression.") }),
  ])
  .meta({ title: "a key" });

type Defaulted<T> = z.ZodDefault<z.ZodType<T, T>>;

/** Options by which requests are told apart. */
export interface KeyShape {
  readonly key: Defaulted<KeyPart | KeyPart[]>;
  readonly missing: Defaulted<"ip" | "shared" | "refuse">;
  readonly ipv4Prefix: Defaulted<number>;
  readonly ipv6Prefix: Defaulted<number>;
}

/** Options by which requests are told apart. */
export const keyOptions: KeyShape = {
  key: z
    .union([part, z.array(part).min(1).max(8)])
    .default("consumer")
    .meta({ examples: ["ip"] })
    .describe(
      'What is counted apart: consumer (default), credential, ip, route, listener, host, { header: x-tenant }, { claim: sub }, { cookie: sid }, { query: key }, { expression: "…" }; a list counts each combination.',
    ),
  missing: z
    .enum(["ip", "shared", "refuse"])
    .default("ip")
    .describe(
      "What a request without that key counts as: its address (default), one key for all of them, or it is refused with 403.",
    ),
  ipv4Prefix: z
    .int()
    .min(8)
    .max(32)
    .default(32)
    .describe("Bits of an IPv4 address that tell clients apart (default 32)."),
  ipv6Prefix: z
    .int()
    .min(16)
    .max(128)
    .default(64)
    .describe(
      "Bits of an IPv6 address that tell clients apart: one client may have a whole /64 (default 64).",
    ),
};

/** The options as they are read. */
export interface KeyOptions {
  readonly key: KeyPart | readonly KeyPart[];
  readonly missing: "ip" | "shared" | "refuse";
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
}

type Reader = (x: Exchange) => string | undefined;

/** Networks of addresses that are remembered, twice. */
const REMEMBERED = 1_000;

/** Compiles the options: the key of an exchange, undefined where it has none and is refused. */
export function compileKey(options: KeyOptions): Reader {
  const { key, missing, ipv4Prefix, ipv6Prefix } = options;
  const ip = addressReader({ v4: ipv4Prefix, v6: ipv6Prefix });
  const parts = ([key].flat() as KeyPart[]).map((one) => readerOf(one, ip));
  const [first] = parts;
  const read = parts.length === 1 ? first! : composed(parts);
  if (missing === "refuse") return read;
  const instead: Reader = missing === "shared" ? () => "-" : (x) => `ip ${ip(x) ?? ""}`;
  return (x) => read(x) ?? instead(x);
}

/** Each part with its length before it: no two combinations give one text. */
function composed(parts: readonly Reader[]): Reader {
  return (x) => {
    let text = "";
    for (const read of parts) {
      const value = read(x);
      if (value === undefined) return undefined;
      text += `${value.length} ${value}`;
    }
    return text;
  };
}

function addressReader(prefix: AddressPrefix): Reader {
  let known = new Map<string, string>();
  return ({ clientAddress }) => {
    if (clientAddress === "") return undefined;
    if (prefix.v4 === 32 && !clientAddress.includes(":")) return clientAddress;
    let found = known.get(clientAddress);
    if (found === undefined) {
      found = addressKey(clientAddress, prefix);
      if (known.size >= REMEMBERED) known = new Map();
      known.set(clientAddress, found);
    }
    return found;
  };
}

/** The first letter tells the kinds of values apart: nobody takes a consumer's place by a field with its name. */
function readerOf(part: KeyPart, ip: Reader): Reader {
  if (typeof part !== "string") return namedReader(part);
  switch (part) {
    case "consumer":
      return ({ consumer }) => (consumer === undefined ? undefined : `consumer ${consumer.name}`);
    case "credential":
      return credentialOf;
    case "ip":
      return (x) => {
        const address = ip(x);
        return address === undefined ? undefined : `ip ${address}`;
      };
    case "route":
      return ({ route }) => `route ${route.name}`;
    case "listener":
      return ({ listener }) => `listener ${listener}`;
    case "host":
      return ({ request }) => `host ${hostOf(request.authority)}`;
  }
}

/**
 * An id is of its consumer, and a token's subject of its issuer: what others call theirs the same is another. The lengths keep
 * the parts apart.
 */
function credentialOf({ consumer, credential, claims }: Exchange): string | undefined {
  if (credential === undefined) return undefined;
  if (consumer !== undefined) return `credential ${consumer.name.length} ${consumer.name} ${credential}`;
  const issuer = claims?.["iss"];
  return typeof issuer === "string"
    ? `subject ${issuer.length} ${issuer} ${credential}`
    : `holder ${credential}`;
}

function namedReader(part: Exclude<KeyPart, string>): Reader {
  if ("header" in part) return ({ request }) => tagged("header", request.field(part.header));
  if ("claim" in part) {
    const read = compileClaim(part.claim);
    return ({ claims }) => tagged("claim", claims && scalar(read(claims)));
  }
  if ("cookie" in part) {
    const view = new RequestView();
    return (x) => {
      const value = view.cookies(x).get(part.cookie);
      view.clear();
      return tagged("cookie", value);
    };
  }
  if ("query" in part) {
    const view = new RequestView();
    return (x) => {
      const value = view.query(x).get(part.query);
      view.clear();
      return tagged("query", value);
    };
  }
  const run = compileExchangeExpression(part.expression, "string");
  return (x) => tagged("expression", run(x));
}

function tagged(kind: string, value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : `${kind} ${value}`;
}

function scalar(value: unknown): string | undefined {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}
