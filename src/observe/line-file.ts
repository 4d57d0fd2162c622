import { write } from "node:fs";

/** Characters after which lines are written, however young they are. */
const FLUSH_SIZE = 65_536;
/** Milliseconds after which lines are written, however few they are. */
const FLUSH_AFTER = 1_000;
/** Characters that wait at most while the log is slow; what is past them is dropped. */
const KEPT_MAX = 8 * 1024 * 1024;
/** Bytes that a pipe takes whole, without another writer's between them (PIPE_BUF on Linux). */
const PIPE_WHOLE = 4_096;
/** Milliseconds after which a full pipe is tried again. */
const RETRY_AFTER = 10;
/** Milliseconds for which the end of a log waits for a pipe that nobody reads. */
const CLOSE_PATIENCE = 2_000;
/** Milliseconds between two words on dropped lines. */
const TELL_EVERY = 10_000;

const LF = 0x0a;

/** One log that is open: lines gather in memory and leave in one write. */
export class LineFile {
  readonly #name: string;
  readonly #pipe: boolean;
  readonly #tell: (line: string) => void;
  #descriptor: number;
  #text = "";
  /** Bytes that are on their way. */
  #leaving: Buffer | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #next: { open: () => number; close: (descriptor: number) => void } | undefined = undefined;
  #closed: (() => void) | undefined = undefined;
  #givenUp = false;
  #dropped = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param pipe it is a pipe or a socket, which other threads write to as well */
  constructor(name: string, descriptor: number, pipe: boolean, tell: (line: string) => void) {
    this.#name = name;
    this.#descriptor = descriptor;
    this.#pipe = pipe;
    this.#tell = tell;
  }

  /** The file that it writes to now. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one line, without its end. */
  write(line: string): void {
    const size = this.#text.length + line.length;
    if (size + (this.#leaving?.length ?? 0) > KEPT_MAX) {
      this.#dropped++;
      this.#tellDropped("it is too slow");
      return;
    }
    this.#text += `${line}\n`;
    if (size >= FLUSH_SIZE) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_AFTER).unref();
  }

  /** What is written from now on goes to what `open` gives, once what came before is out. */
  replace(open: () => number, close: (descriptor: number) => void): void {
    this.#next = { open, close };
    this.#flush();
  }

  /** Writes what there is. Resolves when it is out, or nobody takes it. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = setTimeout(() => {
      this.#givenUp = true;
      resolve();
    }, CLOSE_PATIENCE);
    this.#closed = () => {
      clearTimeout(patience);
      resolve();
    };
    this.#flush();
    return promise;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#leaving !== undefined) return; // #written() goes on
    if (this.#text !== "") {
      this.#leaving = Buffer.from(this.#text);
      this.#text = "";
      this.#send(0);
      return;
    }
    if (this.#next !== undefined) this.#replaceNow(this.#next);
    this.#closed?.();
  }

  /** Writes from `at` on: all of it, or as many whole lines as a pipe takes at once. */
  #send(at: number): void {
    const bytes = this.#leaving!;
    if (at >= bytes.length || this.#givenUp) {
      this.#written();
      return;
    }
    const end = this.#pipe ? pieceEnd(bytes, at) : bytes.length;
    write(this.#descriptor, bytes, at, end - at, null, (error, written) => {
      if (error === null) this.#send(at + written);
      else if (error.code === "EAGAIN") setTimeout(() => this.#send(at), RETRY_AFTER);
      else {
        this.#dropped += linesIn(bytes, at);
        this.#tellDropped(error.code ?? error.message);
        this.#written();
      }
    });
  }

  #written(): void {
    this.#leaving = undefined;
    const urgent = this.#next !== undefined || this.#closed !== undefined;
    if (urgent || this.#text.length >= FLUSH_SIZE) this.#flush();
  }

  #replaceNow({ open, close }: { open: () => number; close: (descriptor: number) => void }): void {
    this.#next = undefined;
    try {
      const before = this.#descriptor;
      this.#descriptor = open();
      close(before);
    } catch (error) {
      this.#tell(`${(error as Error).message}; lines still go to the file as it was`);
    }
  }

  #tellDropped(why: string): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    this.#tell(
      `the log ${this.#name} could not be written (${why}); ${this.#dropped} lines were dropped so far`,
    );
  }
}

/** Where a piece ends that a pipe takes whole: behind a line's end, if one line is not longer than that. */
function pieceEnd(bytes: Buffer, from: number): number {
  if (bytes.length - from <= PIPE_WHOLE) return bytes.length;
  const last = bytes.lastIndexOf(LF, from + PIPE_WHOLE - 1);
  return last >= from ? last + 1 : bytes.indexOf(LF, from) + 1;
}

function linesIn(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}
