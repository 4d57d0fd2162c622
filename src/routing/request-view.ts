import type { RouteFacts } from "../pipeline/ports.ts";
import { decoded } from "./path-pattern.ts";

type Values = ReadonlyMap<string, string>;

/** What conditions ask of a request that takes work to know: taken apart when the first one asks, kept for the next. */
export class RequestView {
  #facts: RouteFacts | undefined = undefined;
  #query: Values | undefined = undefined;
  #cookies: Values | undefined = undefined;
  #headers: Values | undefined = undefined;

  /** Query parameters, decoded (`+` is a space); of several with one name the first. */
  query(facts: RouteFacts): Values {
    this.#turnTo(facts);
    this.#query ??= parseQuery(facts.request.query);
    return this.#query;
  }

  /** Cookies as they were sent; of several with one name the first. */
  cookies(facts: RouteFacts): Values {
    this.#turnTo(facts);
    this.#cookies ??= parseCookies(facts.request.fields.all("cookie"));
    return this.#cookies;
  }

  /** All fields, by name in lower case; several with one name joined by ", ". */
  headers(facts: RouteFacts): Values {
    this.#turnTo(facts);
    this.#headers ??= joinFields(facts.request.fields.entries());
    return this.#headers;
  }

  /** Forgets the request: a table lives longer than it. */
  clear(): void {
    if (this.#facts === undefined) return;
    this.#facts = undefined;
    this.#query = undefined;
    this.#cookies = undefined;
    this.#headers = undefined;
  }

  #turnTo(facts: RouteFacts): void {
    if (this.#facts === facts) return;
    this.clear();
    this.#facts = facts;
  }
}

function parseQuery(query: string): Values {
  const values = new Map<string, string>();
  for (const part of query.slice(1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = formDecoded(equals === -1 ? part : part.slice(0, equals));
    if (!values.has(name)) values.set(name, equals === -1 ? "" : formDecoded(part.slice(equals + 1)));
  }
  return values;
}

function formDecoded(value: string): string {
  return decoded(value.replaceAll("+", " "));
}

function parseCookies(lines: readonly string[]): Values {
  const values = new Map<string, string>();
  for (const line of lines)
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      const name = pair.slice(0, equals).trim();
      if (equals !== -1 && !values.has(name)) values.set(name, pair.slice(equals + 1).trim());
    }
  return values;
}

function joinFields(entries: Iterable<[name: string, value: string]>): Values {
  const values = new Map<string, string>();
  for (const [name, value] of entries) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return values;
}
