import type { TokenKey } from "./token-key.ts";

/** Where the keys of an issuer are known from. */
export interface KeySource {
  /** The keys that may have made a signature: of this `kid`, where both have one, for this algorithm; at most 8. */
  find(id: string | undefined, algorithm: string): readonly TokenKey[];
  /** Whether there is a key of this `kid`, whatever its algorithm. */
  knows(id: string | undefined): boolean;
  /** What is known is all there is to know: nothing that was not found could be found by asking. */
  readonly settled: boolean;
  /**
   * Asks the issuer again because it has no key of this `kid`, if it may be asked now; undefined where it may not. Rejects only
   * in runs in which nobody is asked.
   */
  again(id?: string): Promise<void> | undefined;
}

/** Signatures are tried with so many keys at most. */
const TRIES_MAX = 8;

/** Keys by id and algorithm. */
export class KeyTable {
  readonly keys: readonly TokenKey[];

  constructor(keys: readonly TokenKey[]) {
    this.keys = keys;
  }

  find(id: string | undefined, algorithm: string): TokenKey[] {
    const found: TokenKey[] = [];
    for (const key of this.keys) {
      if (!isOf(key, id) || !key.algorithms.has(algorithm)) continue;
      if (found.push(key) === TRIES_MAX) break;
    }
    return found;
  }

  knows(id: string | undefined): boolean {
    return this.keys.some((key) => isOf(key, id));
  }
}

function isOf(key: TokenKey, id: string | undefined): boolean {
  return key.id === undefined || id === undefined || key.id === id;
}

/** Keys that stand in the config. */
export class StaticKeys implements KeySource {
  readonly #table: KeyTable;
  readonly settled = true;

  constructor(keys: readonly TokenKey[]) {
    this.#table = new KeyTable(keys);
  }

  find(id: string | undefined, algorithm: string): readonly TokenKey[] {
    return this.#table.find(id, algorithm);
  }

  knows(id: string | undefined): boolean {
    return this.#table.knows(id);
  }

  again(): undefined {
    return undefined;
  }
}
