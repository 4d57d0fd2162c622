import { hash, randomBytes } from "node:crypto";
import {
  type PasswordHash,
  readPasswordHash,
  unmatchableHash,
  verifyPassword,
} from "../lib/password-hash.ts";
import { Recent } from "../lib/recent.ts";
import type { Kept } from "../pipeline/policy.ts";

/** Hashes that a worker has under way (more would take the processors from the workers), and passwords that wait. */
const AT_ONCE = 1;
const WAITING = 32;
/** Passwords that are remembered as right, at least. */
const REMEMBERED = 16_384;

/**
 * Checks passwords in the thread pool, few at once, and remembers those that were right: by a hash with a key of its own that
 * never leaves this thread, so that neither passwords nor what could be guessed from lie in memory.
 */
export class PasswordCheck implements Kept {
  readonly #key = randomBytes(32);
  readonly #right = new Recent<string, number>(REMEMBERED);
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #turns: (() => void)[] = [];
  #busy = 0;

  /** What stands for a password and its hash together. */
  #name(password: string, written: string): string {
    return hash("sha256", Buffer.concat([this.#key, Buffer.from(`${written}\0${password}`)]), "base64");
  }

  /** Whether the password was found right less than `within` milliseconds before `now`, by a clock that only grows. */
  remembers(password: string, written: string, now: number, within: number): boolean {
    if (within === 0) return false;
    const at = this.#right.get(this.#name(password, written));
    return at !== undefined && now - at < within;
  }

  /**
   * Whether a password has a written hash; that it has is remembered as found at `now`. Undefined where too many wait
   * already. The same password is checked once at a time.
   */
  check(password: string, written: string, now: number): Promise<boolean> | undefined {
    const name = this.#name(password, written);
    return this.#once(name, async () => {
      const read = readPasswordHash(written);
      const right = read !== undefined && (await verifyPassword(password, read));
      if (right) this.#right.set(name, now);
      return right;
    });
  }

  /**
   * As `check` for a user who is not known: takes as long, also for many at once, and is never true. `like` is the hash of one
   * who is known.
   */
  pretend(user: string, password: string, like: string | undefined): Promise<boolean> | undefined {
    const cost: PasswordHash | undefined = like === undefined ? undefined : readPasswordHash(like);
    return this.#once(this.#name(password, `\0${user}`), async () => {
      await verifyPassword(password, unmatchableHash(cost));
      return false;
    });
  }

  #once(name: string, work: () => Promise<boolean>): Promise<boolean> | undefined {
    const same = this.#underWay.get(name);
    if (same !== undefined) return same;
    const done = this.#inTurn(work)?.finally(() => this.#underWay.delete(name));
    if (done !== undefined) this.#underWay.set(name, done);
    return done;
  }

  /** Forgets what was right. */
  close(): void {
    this.#right.clear();
  }

  #inTurn(work: () => Promise<boolean>): Promise<boolean> | undefined {
    if (this.#busy < AT_ONCE) {
      this.#busy++;
      return this.#run(work);
    }
    if (this.#turns.length >= WAITING) return undefined;
    return new Promise<void>((resume) => this.#turns.push(resume)).then(() => this.#run(work));
  }

  async #run(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } finally {
      const next = this.#turns.shift();
      // Whose turn comes takes the place over.
      if (next === undefined) this.#busy--;
      else next();
    }
  }
}
