import { Turns } from "./body-reader.ts";
import { readAsClient } from "./ours-client.ts";
import { readAsServer } from "./ours-server.ts";
import type { Input, Reading } from "./reading.ts";

/** How bytes reach our readers. */
export interface Delivery {
  /** Positions at which the stream is cut, ascending. */
  readonly cuts: readonly number[];
  /** All reads go into one buffer, which the next one overwrites; otherwise each has memory of its own. */
  readonly reused: boolean;
  /** Bodies are begun and taken only after the read that brought them. */
  readonly slow: boolean;
}

/** All in one read of the shared buffer, and of memory of its own: two ways through the readers. */
export const WHOLE: Delivery = { cuts: [], reused: true, slow: false };
export const OWNED: Delivery = { cuts: [], reused: false, slow: false };

/** How we read a stream that ends after these bytes. */
export function readByOurs({ side, bytes, method }: Input, { cuts, reused, slow }: Delivery): Reading {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to > from) pieces.push(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  const turns = new Turns(slow);
  return side === "request"
    ? readAsServer(pieces, turns, reused)
    : readAsClient(pieces, method, turns, reused);
}
