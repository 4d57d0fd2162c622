import type { ConfigDocument } from "./documents.ts";
import { isMap } from "./written.ts";

/** The services that the routes of a document see: its own before those of the document that includes it. */
export class ServiceScope {
  /** Services that a route leads to, by their full names. */
  readonly used: Set<string>;
  readonly #names: ReadonlySet<string>;
  readonly #prefix: string;
  readonly #outer: ServiceScope | undefined;

  private constructor(names: ReadonlySet<string>, prefix: string, outer: ServiceScope | undefined) {
    this.#names = names;
    this.#prefix = prefix;
    this.#outer = outer;
    this.used = outer?.used ?? new Set();
  }

  /** The services of the main document. */
  static of(document: ConfigDocument): ServiceScope {
    return new ServiceScope(namesIn(document), "", undefined);
  }

  /** The services that an included document sees; its own are named with the routes above in front: `shop.orders`. */
  inner(prefix: string, document: ConfigDocument): ServiceScope {
    return new ServiceScope(namesIn(document), prefix, this);
  }

  /** The full name of a service by the name that a route calls it; undefined where there is none. */
  find(name: string): string | undefined {
    return this.#names.has(name) ? this.#prefix + name : this.#outer?.find(name);
  }

  /** Notes that a route leads to a service; false where there is none. */
  use(name: string): boolean {
    const full = this.find(name);
    if (full !== undefined) this.used.add(full);
    return full !== undefined;
  }

  /** Services of this document itself, and whether their full names are taken further out. */
  own(): { name: string; taken: boolean }[] {
    const taken = (name: string): boolean => this.#outer?.find(this.#prefix + name) === this.#prefix + name;
    return [...this.#names].map((name) => ({ name, taken: taken(name) }));
  }

  /** Names that may be called here. */
  names(): string[] {
    return [...new Set([...this.#names, ...(this.#outer?.names() ?? [])])];
  }
}

function namesIn({ value }: ConfigDocument): ReadonlySet<string> {
  return new Set(isMap(value) && isMap(value["services"]) ? Object.keys(value["services"]) : []);
}
