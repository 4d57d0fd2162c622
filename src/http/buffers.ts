/** One buffer for the heads and small bodies of every socket of this thread: the next read overwrites it. */
export const SHARED: Buffer = Buffer.allocUnsafeSlow(65_536);

const LEASE_BYTES = 262_144;
const LEASES_MAX = 256;

const free: Buffer[] = [];
let leased = 0;

/**
 * A buffer for the body of one message, written from uncopied. Undefined when all are out: the body then goes through
 * the shared buffer, by copies.
 */
export function lease(): Buffer | undefined {
  if (leased >= LEASES_MAX) return undefined;
  leased++;
  return free.pop() ?? Buffer.allocUnsafeSlow(LEASE_BYTES);
}

/** Gives a leased buffer back. Nothing may read from it or write to it any more: no read asked for, no write pending. */
export function giveBack(buffer: Buffer): void {
  leased--;
  free.push(buffer);
}

/** Gives up a leased buffer that a socket may still read into: it is never leased again. */
export function forfeit(): void {
  leased--;
}

/** Buffers that are out now, for tests and metrics. */
export function leasesOut(): number {
  return leased;
}
