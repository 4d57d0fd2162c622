import { hashKey } from "../lib/api-key.ts";
import { ConsumerTable } from "../lib/consumer-table.ts";
import { Recent } from "../lib/recent.ts";
import type { Consumer, Consumers, Credential, CredentialKind, Permission } from "../pipeline/consumer.ts";
import { KnownKeys } from "./known-keys.ts";

/** Consumers and credentials that a thread keeps decoded, at least. */
const DECODED = 16_384;

const byMemory = new WeakMap<SharedArrayBuffer, Consumers>();

/** The consumers in a ConsumerTable: the same view each time for the same memory, in each thread. */
export function consumersIn(memory: SharedArrayBuffer): Consumers {
  let view = byMemory.get(memory);
  if (view === undefined) {
    view = new SharedConsumers(memory);
    byMemory.set(memory, view);
  }
  return view;
}

/** Decodes what is asked for, and remembers what was asked for lately. */
class SharedConsumers implements Consumers {
  readonly size: number;
  readonly #table: ConsumerTable;
  readonly #consumers = new Recent<number, Consumer>(DECODED);
  readonly #credentials = new Recent<number, Credential>(DECODED);
  /** By the keys themselves: a hash costs more than all else that a known key needs. */
  readonly #keys = new KnownKeys();

  constructor(memory: SharedArrayBuffer) {
    this.#table = new ConsumerTable(memory);
    this.size = this.#table.count("name");
  }

  named(name: string): Consumer | undefined {
    const at = this.#table.find("name", name);
    return at === 0 ? undefined : this.#consumer(at);
  }

  find(kind: CredentialKind, by: string): Credential | undefined {
    const at = this.#table.find(kind, by);
    return at === 0 ? undefined : this.#credential(at);
  }

  findKey(key: string): Credential | undefined {
    const before = this.#keys.get(key);
    if (before !== undefined) return before;
    const found = this.find("key", hashKey(key));
    if (found !== undefined) this.#keys.set(key, found);
    return found;
  }

  get anyPassword(): Credential | undefined {
    const at = this.#table.password;
    return at === 0 ? undefined : this.#credential(at);
  }

  #credential(at: number): Credential {
    const before = this.#credentials.get(at);
    if (before !== undefined) return before;
    const { id, consumer, notBefore, expires, proof } = this.#table.credential(at);
    const made = Object.freeze({ id, consumer: this.#consumer(consumer), notBefore, expires, proof });
    this.#credentials.set(at, made);
    return made;
  }

  #consumer(at: number): Consumer {
    const before = this.#consumers.get(at);
    if (before !== undefined) return before;
    const { name, about } = this.#table.consumer(at);
    const made = frozen(about === "" ? { name } : { name, ...(JSON.parse(about) as About) });
    this.#consumers.set(at, made);
    return made;
  }
}

/** What the config says of a consumer beside its name. */
interface About {
  readonly groups?: readonly string[];
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly permissions?: readonly Permission[];
}

/** It is shared by all requests: no policy may change it by mistake. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const one of Object.values(value)) frozen(one);
  return Object.freeze(value);
}
