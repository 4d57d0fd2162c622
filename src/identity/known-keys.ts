import type { Credential } from "../pipeline/consumer.ts";
import { ownText } from "./token-cache.ts";

/** Places; a power of two. */
const SIZE = 32_768;
/** Characters at the end of a key by which its place is found: keys differ there. */
const TAIL = 12;

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
  let hash = key.length;
  for (let at = Math.max(0, key.length - TAIL); at < key.length; at++)
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x5bd1e995);
  return (hash ^ (hash >>> 15)) & (SIZE - 1);
}
