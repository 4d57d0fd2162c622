import type { Exchange } from "../pipeline/exchange.ts";
import { hasBody } from "./body-digest.ts";
import type { SignatureAlgorithm } from "./signature-algorithms.ts";
import type { MessageSignature } from "./signature-input.ts";
import { type Item, itemOf, itemText } from "./structured-fields.ts";

/** What a signature must be like to count. */
export interface SignatureRules {
  readonly algorithms: ReadonlySet<SignatureAlgorithm>;
  /** Identifiers of components in their one spelling. */
  readonly covers: readonly string[];
  readonly bodyRequired: boolean;
  /** Undefined: any, or none. */
  readonly tag: string | undefined;
  readonly nonceRequired: boolean;
  /** Milliseconds since `created` for which it counts. */
  readonly maxAge: number;
  /** Milliseconds by which the signer's clock may be ahead, or `expires` be over. */
  readonly clockSkew: number;
}

/** Why a signature does not count: a reason, and what to say of it. */
export type SignatureFault = readonly [code: string, detail?: string];

/** What `@target-uri` covers as well. */
const PARTS_OF_TARGET: ReadonlySet<string> = new Set(
  ["@scheme", "@authority", "@path", "@query", "@request-target"].map((name) => `"${name}"`),
);

/**
 * The one spelling of a component's identifier in a config: `@method`, `content-digest`, or with parameters
 * `"@query-param";name="id"`. Undefined for what is none.
 */
export function componentOf(written: string): string | undefined {
  const item = itemOf(written.startsWith('"') ? written : written.replace(/^([^;]*)/, '"$1"'));
  if (item === undefined || typeof item[0] !== "string" || !COMPONENT.test(item[0])) return undefined;
  return hasParameters(item[0], item[1]) ? itemText(item) : undefined;
}

/** The same of what a signature must cover: whether as it came, `sf` or `bs` makes no difference. */
export function coverOf(written: string): string | undefined {
  const known = componentOf(written);
  return known === undefined ? undefined : wholeOf(itemOf(known)!);
}

/** Whether a component may have these parameters in a request (RFC 9421 §2.1, §2.2). */
function hasParameters(name: string, parameters: Item[1]): boolean {
  if (name === "@query-param") return parameters.size === 1 && typeof parameters.get("name") === "string";
  if (name.startsWith("@")) return parameters.size === 0;
  if (parameters.has("bs") && (parameters.has("sf") || parameters.has("key"))) return false;
  for (const [key, value] of parameters)
    if (key === "key" ? typeof value !== "string" : value !== true || !FORMS.has(key)) return false;
  return true;
}

const FORMS: ReadonlySet<string> = new Set(["sf", "bs", "tr"]);

/** What a request can be asked for, or a field's name in lower case. */
const COMPONENT =
  /^(?:@(?:method|target-uri|authority|scheme|request-target|path|query|query-param)|[!#$%&'*+\-.^_`|~0-9a-z]+)$/;

/** Why a signature does not count, whoever made it; undefined where it may. `now` in milliseconds since 1970. */
export function faultOf(
  x: Exchange,
  one: MessageSignature,
  rules: SignatureRules,
  now: number,
): SignatureFault | undefined {
  if (one.keyId === undefined) return ["signature_malformed", "it names no key: keyid"];
  const covered = coveredBy(one.components);
  const lack = rules.covers.find((wanted) => !isCovered(wanted, covered));
  if (lack !== undefined) return ["signature_insufficient", `${lack} is not covered`];
  if (rules.bodyRequired && hasBody(x) && !covered.has('"content-digest"'))
    return ["signature_insufficient", "the body is not covered: content-digest"];
  if (rules.nonceRequired && one.nonce === undefined) return ["signature_insufficient", "it has no nonce"];
  return untimely(one, rules, now);
}

function untimely(
  { created, expires }: MessageSignature,
  rules: SignatureRules,
  now: number,
): SignatureFault | undefined {
  if (created === undefined) return ["signature_insufficient", "it does not say when it was created"];
  if (created * 1_000 > now + rules.clockSkew) return ["signature_untimely", "it was created in the future"];
  if (created * 1_000 <= now - rules.maxAge - rules.clockSkew) return ["signature_untimely", "it is too old"];
  if (expires !== undefined && expires * 1_000 <= now - rules.clockSkew)
    return ["signature_untimely", "it has expired"];
  return undefined;
}

/** Identifiers of what is covered as a whole; whether as it came, `sf` or `bs` makes no difference. */
function coveredBy(components: readonly Item[]): Set<string> {
  return new Set(components.map(wholeOf));
}

function wholeOf([name, parameters]: Item): string {
  return itemText([name, new Map([...parameters].filter(([key]) => key !== "sf" && key !== "bs"))]);
}

function isCovered(wanted: string, covered: ReadonlySet<string>): boolean {
  if (covered.has(wanted)) return true;
  if (PARTS_OF_TARGET.has(wanted)) {
    if (covered.has('"@target-uri"')) return true;
    return (wanted === '"@path"' || wanted === '"@query"') && covered.has('"@request-target"');
  }
  if (wanted.startsWith('"@query-param"')) return isCovered('"@query"', covered);
  return (
    wanted === '"@target-uri"' &&
    ['"@scheme"', '"@authority"', '"@path"', '"@query"'].every((part) => covered.has(part))
  );
}
