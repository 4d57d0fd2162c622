import type { Exchange } from "./exchange.ts";
import { hostOf, schemeOf } from "./scheme.ts";

/** What is put in the place of a variable, and of what kind its text is. */
export interface Variable {
  /** As written between the braces. */
  readonly name: string;
  /** Unicode text; otherwise Latin-1, whose characters are the octets that came by the wire. */
  readonly unicode: boolean;
  /** Its value on an exchange; undefined where it has none. */
  read(x: Exchange): string | undefined;
}

/** Makes a value harmless where the template puts it. */
export type Escape = (value: string, variable: Variable) => string;

/** A text in which variables stand. */
export interface Template {
  /** The text where no variable stands in it. */
  readonly constant: string | undefined;
  /** What stands between the variables: one more than there are of them. */
  readonly literals: readonly string[];
  readonly variables: readonly Variable[];
  /** The text for one exchange; a variable without a value leaves nothing. */
  render(x: Exchange): string;
}

type Reader = Variable["read"];

const PLAIN: Readonly<Record<string, Reader>> = {
  "request.id": (x) => x.id,
  "request.method": (x) => x.request.method,
  "request.scheme": schemeOf,
  "request.host": (x) => hostOf(x.request.authority),
  "request.authority": (x) => x.request.authority,
  "request.path": (x) => x.request.path,
  "request.query": (x) => x.request.query,
  "path.rest": restOf,
  "client.address": (x) => x.clientAddress,
  "listener.name": (x) => x.listener,
  "route.name": (x) => x.route.name,
  "service.name": (x) => x.route.serviceName,
  "consumer.name": (x) => x.consumer?.name,
  "consumer.groups": (x) => x.consumer?.groups?.join(","),
  "consumer.tags": (x) => x.consumer?.tags?.join(","),
  "credential.id": (x) => x.credential,
};

/** Variables with a name of the user's behind the dot; whether their values are Unicode. */
const NAMED: readonly (readonly [prefix: string, unicode: boolean, (name: string) => Reader])[] = [
  ["request.header.", false, (name) => (x) => x.request.field(name)],
  ["request.query.", true, (name) => (x) => new URLSearchParams(x.request.query).get(name) ?? undefined],
  ["param.", true, (name) => (x) => x.params[name]],
  ["consumer.metadata.", true, (name) => (x) => scalar(x.consumer?.metadata?.[name])],
  ["claims.", true, (name) => (x) => scalar(x.claims?.[name])],
];

/** What may stand between the braces, for messages. */
export const VARIABLES: string = [...Object.keys(PLAIN), ...NAMED.map(([prefix]) => `${prefix}NAME`)].join(
  ", ",
);

/** Names of ours, of consumers and credentials may be any text. */
const UNICODE: ReadonlySet<string> = new Set([
  ...["listener.name", "route.name", "service.name"],
  ...["consumer.name", "consumer.groups", "consumer.tags", "credential.id"],
]);

/**
 * Reads a text with variables: `${request.path}`; `$${` stands for `${`.
 * Throws a RangeError for a variable that there is not.
 */
export function compileTemplate(text: string, escaped: Escape = (value) => value): Template {
  const { literals, names } = splitTemplate(text);
  const variables = names.map(variableOf);
  const constant = variables.length === 0 ? literals[0]! : undefined;
  const render = (x: Exchange): string => {
    let out = literals[0]!;
    for (let i = 0; i < variables.length; i++) {
      const value = variables[i]!.read(x);
      if (value !== undefined && value !== "") out += escaped(value, variables[i]!);
      out += literals[i + 1]!;
    }
    return out;
  };
  return { constant, literals, variables, render: constant === undefined ? render : () => constant };
}

/** Takes a text apart into names between braces and what stands around them. Throws a RangeError for a brace left open. */
export function splitTemplate(text: string): { literals: string[]; names: string[] } {
  const literals = [""];
  const names: string[] = [];
  for (const [piece, name] of text.matchAll(/\$\$\{|\$\{([^}]*)\}|\$\{|[^$]+|\$/g)) {
    if (piece === "${")
      throw new RangeError("a ${ is not closed by a }; write $${ for the characters themselves");
    if (name === undefined) literals[literals.length - 1] += piece === "$${" ? "${" : piece;
    else {
      names.push(name);
      literals.push("");
    }
  }
  return { literals, names };
}

function variableOf(name: string): Variable {
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain !== undefined) return { name, unicode: UNICODE.has(name), read: plain };
  for (const [prefix, unicode, read] of NAMED)
    if (name.startsWith(prefix) && name.length > prefix.length)
      return { name, unicode, read: read(name.slice(prefix.length)) };
  throw new RangeError(`there is no \${${name}}; write one of ${VARIABLES}`);
}

/** The path behind the prefix by which the route matched: empty, or begins with "/". */
function restOf(x: Exchange): string {
  const { path } = x.request;
  const rest = path.slice(x.pattern?.prefixLength(path) ?? 0);
  return rest === "" || rest.startsWith("/") ? rest : `/${rest}`;
}

function scalar(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** The text of a value: octets that came by the wire are read as UTF-8. */
export function textOf(value: string, { unicode }: Variable): string {
  return unicode || !/[\x80-\xff]/.test(value) ? value : Buffer.from(value, "latin1").toString("utf8");
}

/** For the value of a field: what a field cannot carry, and "%" beside it, is percent-encoded as UTF-8. */
export function escapeForField(value: string, { unicode }: Variable): string {
  if (!unicode) return value;
  return value.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/gu, (found) => encodeURIComponent(found));
}

/** A template of a field's value: it can hold no line break and nothing else that ends a field. Throws a RangeError. */
export function compileFieldTemplate(text: string): Template {
  const template = compileTemplate(text, escapeForField);
  for (const literal of template.literals)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(literal))
      throw new RangeError(
        "not a value that a field can carry: it has control characters, or others than Latin-1",
      );
  const { constant, render } = template;
  if (constant === undefined) return { ...template, render: (x) => trimBlanks(render(x)) };
  const trimmed = trimBlanks(constant);
  return { ...template, constant: trimmed, render: () => trimmed };
}

function trimBlanks(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, "");
}
