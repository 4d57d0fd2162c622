import { hash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type KeptCounts, LastingCounts, parseCounts } from "../stores/lasting-counts.ts";
import type { LimitMemory } from "../stores/limit-memory.ts";

/** How often changed counts are written, in milliseconds: what a crash can lose. */
const EVERY = 1_000;

/** The file in which a gateway keeps the counts of its quotas. */
export function limitFile(config: string, state: string): string {
  const print = hash("sha256", resolve(config), "hex").slice(0, 12);
  return join(resolve(dirname(config), state), `limits-${print}.bin`);
}

/** Keeps the counts of quotas in a file, so that they go on after a restart. */
export class LimitFile {
  readonly #file: string;
  readonly #log: (line: string) => void;
  #kept: KeptCounts | undefined = undefined;
  #counts: LastingCounts | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #written: Buffer | undefined = undefined;
  #writing: Promise<void> | undefined = undefined;
  #failed = false;
  #hashKey: Uint8Array | undefined = undefined;

  constructor(file: string, log: (line: string) => void) {
    this.#file = file;
    this.#log = log;
  }

  /** Reads what was kept; gives the key with which the memory's keys are to be hashed, where there is one. */
  async read(): Promise<Uint8Array | undefined> {
    try {
      this.#kept = parseCounts(await readFile(this.#file));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT")
        this.#log(`the counts of quotas in ${this.#file} cannot be read and begin anew: ${message}`);
    }
    return this.#kept?.hashKey;
  }

  /** Takes what was read into a memory that was made with its key, and writes from then on what changes. */
  start(memory: LimitMemory): void {
    this.#hashKey = memory.hashKey;
    this.#counts = new LastingCounts(memory);
    this.#take();
    this.#timer = setInterval(() => void this.write(), EVERY).unref();
  }

  #take(): void {
    if (this.#kept === undefined) return;
    const lost = this.#counts?.take(this.#kept) ?? 0;
    if (lost > 0) this.#log(`${lost} counts of quotas found no room: raise limitEntries`);
    this.#kept = undefined;
  }

  /** Takes in what another process, which this one follows, has counted meanwhile. */
  async catchUp(): Promise<void> {
    const hashKey = await this.read();
    // Of a process that had nothing to keep when this one started, the keys are hashed otherwise.
    if (hashKey === undefined || this.#hashKey === undefined || Buffer.compare(hashKey, this.#hashKey) !== 0)
      this.#kept = undefined;
    else this.#take();
  }

  /** Writes what has changed; a crash leaves the file before or this one. */
  async write(): Promise<void> {
    if (this.#writing !== undefined) return;
    const bytes = this.#counts?.toBytes();
    if (bytes === undefined || this.#written?.equals(bytes) === true) return;
    this.#writing = this.#replace(bytes);
    await this.#writing;
    this.#writing = undefined;
  }

  async #replace(bytes: Buffer): Promise<void> {
    const beside = `${this.#file}.${process.pid}.new`;
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      const handle = await open(beside, "w", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(beside, this.#file);
      this.#written = bytes;
      this.#failed = false;
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      if (!this.#failed)
        this.#log(
          `the counts of quotas cannot be written and would not outlive a restart: ${(error as Error).message}`,
        );
      this.#failed = true;
    }
  }

  /** Writes for the last time. Nothing is written afterwards: another process may go on with the file. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.write();
    this.#counts = undefined;
  }
}
