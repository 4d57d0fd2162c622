import type { Credential } from "../pipeline/consumer.ts";
import { ownText, tailOf } from "./token-cache.ts";

/** Places; a power of two. */
const SIZE = 32_768;

interface Known {
  readonly key: string;
  readonly credential: Credential;
}

/**
 * Keys that were seen and hold, by their text: a SHA-256 costs more than all else that a request with a key needs. One place a
 * key; whoever comes later takes it. Only keys of credentials get in, so that nobody can fill it with others.
 */
export class KnownKeys {
  #places: (Known | undefined)[] = [];

  get(key: string): Credential | undefined {
    const known = this.#places[placeOf(key)];
    return known !== undefined && isSame(known.key, key) ? known.credential : undefined;
  }

  set(key: string, credential: Credential): void {
    if (this.#places.length === 0) this.#places = new Array<Known | undefined>(SIZE).fill(undefined);
    this.#places[placeOf(key)] = { key: ownText(key), credential };
  }
}

/** Takes as long wherever two keys differ: its time tells nobody how much of a key was right. */
function isSame(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

function placeOf(key: string): number {
  return tailOf(key) & (SIZE - 1);
}
