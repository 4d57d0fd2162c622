import { randomBytes, randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, stat, unlink } from "node:fs/promises";

/** A lock that has not been touched for so long belongs to nobody, in milliseconds. */
const STALE = 120_000;
/** How often a lock is touched. */
const TOUCH = 20_000;

/** A lock among gateways that share a folder: a file that holds who has it, and that its holder touches now and then. */
export class FileLock {
  readonly #file: string;
  readonly #id: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(file: string, id: string) {
    this.#file = file;
    this.#id = id;
    this.#timer = setInterval(() => void this.touch(), TOUCH);
    this.#timer.unref();
  }

  /** Takes a lock, also one that nobody has touched for long; undefined where another has it. The folder must be there. */
  static async take(file: string): Promise<FileLock | undefined> {
    const id = randomUUID();
    if (!(await create(file, id))) {
      if (!(await removeStale(file)) || !(await create(file, id))) return undefined;
    }
    return new FileLock(file, id);
  }

  /** Says that it is still held; false where another has it by now, whose file stays as it is. */
  async touch(): Promise<boolean> {
    try {
      // By the open file, not by its name: another may take the name over between the two.
      await using handle = await open(this.#file, "r+");
      if ((await handle.readFile("utf8")) !== this.#id) return this.#lost();
      const now = new Date();
      await handle.utimes(now, now);
      return true;
    } catch (error) {
      // Where the folder cannot be reached, it may be back at the next touch.
      return (error as NodeJS.ErrnoException).code === "ENOENT" ? this.#lost() : false;
    }
  }

  #lost(): false {
    clearInterval(this.#timer);
    return false;
  }

  /** Lets it go, where it is still held. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    const holder = await readFile(this.#file, "utf8").catch(() => undefined);
    if (holder === this.#id) await rm(this.#file, { force: true });
  }
}

async function create(file: string, text: string): Promise<boolean> {
  let made = false;
  try {
    // Closed whatever happens: Node ends the process over a file that is left open.
    await using handle = await open(file, "wx", 0o600);
    made = true;
    await handle.writeFile(text);
    return true;
  } catch (error) {
    // One that names nobody would keep all others off until it is stale.
    if (made) await rm(file, { force: true }).catch(() => undefined);
    else if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Moves a lock that nobody holds out of the way; one that somebody took meanwhile is put back. */
async function removeStale(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return true;
  if (Date.now() - found.mtimeMs < STALE) return false;
  const aside = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(file, aside);
    const moved = await stat(aside);
    if (moved.ino !== found.ino) await link(aside, file).catch(() => undefined);
    await unlink(aside);
    return moved.ino === found.ino;
  } catch {
    return false; // another was faster
  }
}
