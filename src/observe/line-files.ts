import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { resolve } from "node:path";
import type { LineTargets, OpenLines } from "../pipeline/ports.ts";
import { LineFile } from "./line-file.ts";

/** What each output of the process is numbered by. */
const STANDARD: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };

/** The logs that one thread writes: each target is opened once, whoever writes to it. */
export class LineFiles implements LineTargets {
  readonly #open = new Map<string, { readonly file: LineFile; users: number }>();
  readonly #closing = new Set<Promise<void>>();
  readonly #tell: (line: string) => void;

  /** @param tell is told what a person should know: that lines were dropped, and why */
  constructor(tell: (line: string) => void = () => undefined) {
    this.#tell = tell;
  }

  open(target: string): OpenLines {
    const key = target in STANDARD ? target : resolve(target);
    const entry = this.#open.get(key) ?? { file: this.#make(key), users: 0 };
    this.#open.set(key, entry);
    entry.users++;
    let closed = false;
    return {
      write: (line) => entry.file.write(line),
      close: () => {
        if (closed) return;
        closed = true;
        entry.users--;
        if (entry.users === 0) this.#close(key, entry.file);
      },
    };
  }

  #make(key: string): LineFile {
    const standard = STANDARD[key];
    if (standard === undefined) return new LineFile(key, openLog(key), false, this.#tell);
    const stat = fstatSync(standard);
    const descriptor = stat.isFIFO() ? openPipe(standard) : standard;
    return new LineFile(key, descriptor, stat.isFIFO() || stat.isSocket(), this.#tell);
  }

  #close(key: string, file: LineFile): void {
    this.#open.delete(key);
    const closing = file.close().then(() => {
      if (file.descriptor !== STANDARD[key]) closeSync(file.descriptor);
      this.#closing.delete(closing);
    });
    this.#closing.add(closing);
  }

  /** Opens every file again at its path: what was moved away by a rotation gets no more lines. */
  reopen(): void {
    for (const [key, { file }] of this.#open)
      if (!(key in STANDARD)) file.replace(() => openLog(key), closeSync);
  }

  /** Lines that were dropped so far because a log could not take them in time. */
  get dropped(): number {
    let sum = 0;
    for (const { file } of this.#open.values()) sum += file.dropped;
    return sum;
  }

  /** Resolves when all that was written to logs that are closed is out. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }
}

/**
 * The pipe behind a descriptor, opened anew so that a write never waits: the threads that wait would be missed by all who
 * use the disk. Where the system has no way to do so, the descriptor itself.
 */
function openPipe(descriptor: number): number {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return descriptor;
  }
}

/** Opens a file to add to. Throws an Error that says what to do. */
function openLog(path: string): number {
  try {
    return openSync(path, "a", 0o640);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const cure = code === "ENOENT" ? "make its folder" : "see that this user may write there";
    throw new Error(`the log ${path} cannot be opened (${code}): ${cure}`);
  }
}
