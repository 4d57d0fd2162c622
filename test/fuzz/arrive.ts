import { SHARED } from "../../src/http/buffers.ts";

/** What earlier reads left in the shared buffer: a reader that looks behind the end of a read sees names go on. */
const STALE = "a";

SHARED.fill(STALE);

/** The memory in which a read brings these bytes: the shared buffer, or its own. */
export function arrive(piece: Buffer, reused: boolean): Buffer {
  if (!reused || piece.length > SHARED.length) return Buffer.from(piece);
  SHARED.set(piece);
  size = piece.length;
  return SHARED;
}

/** The next read may overwrite the shared buffer: it does so at once. */
export function forget(bytes: Buffer): void {
  if (bytes === SHARED) SHARED.fill(STALE, 0, size);
}

let size = 0;
