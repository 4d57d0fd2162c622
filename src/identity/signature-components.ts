import type { Fields, ReadonlyFields } from "../lib/fields.ts";
import {
  type Dictionary,
  dictionaryOf,
  type Item,
  itemText,
  memberText,
  type StructuredKind,
  strictText,
} from "./structured-fields.ts";

/** What signatures of messages cover, taken from a message. */
export interface SignedMessage {
  readonly request: {
    readonly method: string;
    readonly scheme: string;
    readonly authority: string;
    /** As it was written. */
    readonly path: string;
    /** With its "?", or empty. */
    readonly query: string;
  };
  readonly fields: ReadonlyFields;
  /** Undefined while they have not come. */
  readonly trailers?: Fields | undefined;
  /** Only of responses. */
  readonly status?: number;
  /** Fields of the request that a response answers, for components with `req`. */
  readonly requestFields?: ReadonlyFields;
}

/** A component cannot be had: nothing was signed that could be held against it. */
export class NoComponent extends Error {}

/** What the fields are that `sf` and `key` are asked of: RFC 9110 and those that are registered as structured. */
const KINDS: ReadonlyMap<string, StructuredKind> = new Map([
  ...[
    "accept-signature",
    "cache-control",
    "content-digest",
    "repr-digest",
    "priority",
    "signature",
    "signature-input",
  ]
    .concat(["want-content-digest", "want-repr-digest", "ratelimit-policy", "ratelimit", "cdn-cache-control"])
    .map((name) => [name, "dictionary"] as const),
  ...[
    "accept-ch",
    "cache-status",
    "proxy-status",
    "client-cert-chain",
    "sec-ch-ua",
    "accept",
    "accept-encoding",
  ]
    .concat(["accept-language", "te", "vary", "trailer", "allow"])
    .map((name) => [name, "list"] as const),
  ...[
    "client-cert",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "content-length",
    "content-type",
    "idempotency-key",
  ]
    .concat([
      "sec-fetch-dest",
      "sec-fetch-mode",
      "sec-fetch-site",
      "sec-fetch-user",
      "deprecation",
      "origin-agent-cluster",
    ])
    .map((name) => [name, "item"] as const),
]);

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Octets that stay as they are in forms (WHATWG URL, percent-encode set of application/x-www-form-urlencoded). */
const FORM_PLAIN = /[A-Za-z0-9*\-._]/;

/** The value of one component (RFC 9421 §2). Throws NoComponent for one that is not there, not known, or open to two readings. */
export function componentValue(message: SignedMessage, component: Item): string {
  const [name, parameters] = component;
  if (typeof name !== "string") throw new NoComponent("a component is not a string");
  return name.startsWith("@")
    ? derivedValue(message, name, parameters)
    : fieldValue(message, name, parameters);
}

function derivedValue(message: SignedMessage, name: string, parameters: Item[1]): string {
  const { request, status } = message;
  const answers = status !== undefined;
  for (const key of parameters.keys())
    if (!(key === "req" || (key === "name" && name === "@query-param")))
      throw new NoComponent(`${name} has no parameter ${key}`);
  checkRequest(message, name, parameters);
  if (answers && name !== "@status" && parameters.get("req") !== true)
    throw new NoComponent(`${name} of a response needs req`);
  switch (name) {
    case "@method":
      return request.method;
    case "@scheme":
      return request.scheme.toLowerCase();
    case "@authority":
      return authorityOf(request);
    case "@target-uri":
      return `${request.scheme.toLowerCase()}://${authorityOf(request)}${request.path}${request.query}`;
    case "@request-target":
      return request.path + request.query;
    case "@path":
      return request.path === "" ? "/" : request.path;
    case "@query":
      return request.query === "" ? "?" : request.query;
    case "@query-param":
      return queryParameter(message, parameters.get("name"));
    case "@status":
      if (!answers || parameters.has("req")) throw new NoComponent("a request has no @status");
      return String(status);
    default:
      throw new NoComponent(`${name} is not known`);
  }
}

function checkRequest({ status }: SignedMessage, name: string, parameters: Item[1]): void {
  const req = parameters.get("req");
  if (req === undefined) return;
  if (req !== true) throw new NoComponent(`${name}: req takes no value`);
  if (status === undefined) throw new NoComponent(`${name}: a request has no request that it answers`);
}

/** In lower case, without the scheme's own port (RFC 9110 §4.2.3). */
function authorityOf({ scheme, authority }: SignedMessage["request"]): string {
  const lower = authority.toLowerCase();
  return lower.replace(scheme === "https" ? /:443$/ : /:80$/, "");
}

/** The only value of a parameter of the query, encoded as forms are (RFC 9421 §2.2.8). */
function queryParameter(message: SignedMessage, name: unknown): string {
  if (typeof name !== "string") throw new NoComponent("@query-param needs a name");
  const apart = apartOf(message);
  apart.query ??= encodedParameters(message.request.query);
  const values = apart.query.get(name) ?? [];
  if (values.length !== 1)
    throw new NoComponent(
      `the query has ${values.length === 0 ? "no" : "more than one"} parameter of the name`,
    );
  return formEncoded(values[0]!);
}

/** Values by the names of their parameters, encoded as forms are. */
function encodedParameters(query: string): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query.slice(1))) {
    const name = formEncoded(key);
    const before = all.get(name);
    if (before === undefined) all.set(name, [value]);
    else before.push(value);
  }
  return all;
}

/** What of a message is taken apart once: a hundred components may ask for it, and nobody knows yet who sent them. */
interface Apart {
  query: ReadonlyMap<string, readonly string[]> | undefined;
  /** By the whole text of a field. */
  readonly dictionaries: Map<string, Dictionary | undefined>;
}

const messages = new WeakMap<SignedMessage, Apart>();

function apartOf(message: SignedMessage): Apart {
  const known = messages.get(message);
  if (known !== undefined) return known;
  const made: Apart = { query: undefined, dictionaries: new Map() };
  messages.set(message, made);
  return made;
}

function formEncoded(text: string): string {
  let out = "";
  for (const octet of Buffer.from(text)) {
    const char = String.fromCharCode(octet);
    out += FORM_PLAIN.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function fieldValue(message: SignedMessage, name: string, parameters: Item[1]): string {
  if (!FIELD_NAME.test(name))
    throw new NoComponent(`${JSON.stringify(name)} is not a field's name in lower case`);
  checkRequest(message, name, parameters);
  for (const [key, value] of parameters) {
    const known = key === "key" ? typeof value === "string" : value === true && FLAGS.has(key);
    if (!known) throw new NoComponent(`${name} has no parameter ${key} of this kind`);
  }
  const bs = parameters.has("bs");
  const key = parameters.get("key") as string | undefined;
  const sf = parameters.has("sf");
  if (bs && (sf || key !== undefined)) throw new NoComponent(`${name}: bs stands beside neither sf nor key`);
  const values = sourceOf(message, parameters).all(name);
  if (values.length === 0) throw new NoComponent(`there is no ${name}`);
  if (bs) return values.map((value) => `:${Buffer.from(value, "latin1").toString("base64")}:`).join(", ");
  const whole = values.join(", ");
  if (key !== undefined) return memberOf(message, whole, name, key);
  if (!sf) return whole;
  const strict = strictText(kindOf(name), whole);
  if (strict === undefined) throw new NoComponent(`${name} is no structured field`);
  return strict;
}

const FLAGS: ReadonlySet<string> = new Set(["sf", "bs", "tr", "req"]);

function sourceOf(message: SignedMessage, parameters: Item[1]): ReadonlyFields {
  if (parameters.has("req")) {
    if (parameters.has("tr") || message.requestFields === undefined)
      throw new NoComponent("the request that is answered is not known");
    return message.requestFields;
  }
  if (!parameters.has("tr")) return message.fields;
  if (message.trailers === undefined) throw new NoComponent("there are no trailers");
  return message.trailers;
}

function memberOf(message: SignedMessage, whole: string, name: string, key: string): string {
  const { dictionaries } = apartOf(message);
  if (!dictionaries.has(whole)) dictionaries.set(whole, dictionaryOf(whole));
  const member = dictionaries.get(whole)?.get(key);
  if (member === undefined) throw new NoComponent(`${name} has no member ${key}`);
  return memberText(member);
}

function kindOf(name: string): StructuredKind {
  const kind = KINDS.get(name);
  if (kind === undefined) throw new NoComponent(`${name} is not known to be a structured field`);
  return kind;
}

/** The text that is signed (RFC 9421 §2.5); `parameters` is the list in parentheses as Signature-Input says it. Throws NoComponent. */
export function signatureBase(
  message: SignedMessage,
  components: readonly Item[],
  parameters: string,
): string {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const component of components) {
    const id = itemText(component);
    const same = sameIdentifier(component);
    if (seen.has(same)) throw new NoComponent(`${id} is covered twice`);
    seen.add(same);
    const value = componentValue(message, component);
    if (value.includes("\n")) throw new NoComponent(`${id} holds a line break`);
    lines.push(`${id}: ${value}`);
  }
  lines.push(`"@signature-params": ${parameters}`);
  return lines.join("\n");
}

/** The same for identifiers whose parameters differ in their order alone (RFC 9421 §2). */
function sameIdentifier([name, parameters]: Item): string {
  const sorted = [...parameters].map(([key, value]) => `${key}=${String(value)}`).sort();
  return JSON.stringify([name, ...sorted]);
}
