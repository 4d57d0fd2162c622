import type { Fields } from "../lib/fields.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { withoutTrailers } from "./trailer-filter.ts";

/** Names of fields as a config lists them: whole, or what they begin with, ended by "*". */
export class FieldNames {
  readonly #exact: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  /** The only name that is meant, where it has one spelling. */
  readonly #single: string | undefined;

  constructor(names: readonly string[]) {
    const folded = names.map(fold);
    this.#exact = new Set(folded.filter((name) => !name.endsWith("*")));
    this.#prefixes = folded.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
    this.#single = folded.length === 1 && /^[^-*]+$/.test(folded[0]!) ? folded[0] : undefined;
  }

  /** Whether a field is meant, however its name is written. */
  has(name: string): boolean {
    const folded = fold(name);
    return this.#exact.has(folded) || this.#prefixes.some((prefix) => folded.startsWith(prefix));
  }

  /** Takes all that are meant away. */
  removeFrom(fields: Fields): void {
    if (this.#single !== undefined) fields.remove(this.#single);
    else for (const name of this.in(fields)) fields.remove(name);
  }

  /** Names of those that are meant and there, each once. */
  in(fields: Pick<Fields, "entries">): Set<string> {
    const found = new Set<string>();
    for (const [name] of fields.entries()) if (this.has(name)) found.add(name);
    return found;
  }
}

/** A service that folds "-" to "_" reads both as one name. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** What takes a client's own fields of these names off its request, trailers too: only the gateway may say them. */
export function compileCleanse(names: readonly string[]): (x: Exchange) => void {
  const listed = new FieldNames(names);
  return ({ outgoing }) => {
    listed.removeFrom(outgoing.fields);
    if (outgoing.body !== undefined)
      outgoing.body = withoutTrailers(outgoing.body, (name) => listed.has(name));
  };
}
