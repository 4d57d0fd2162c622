import type { RuleArguments } from "./redis-keys.ts";
import { PARTS } from "./sliding-bound.ts";

/**
 * How one bound of one key stands, as the store told last and with what has been counted here since. Times are microseconds
 * of the store's clock. It is asked in turns of `read`, then `count` or nothing.
 */
export interface SyncedBound {
  /** Units that are left at what it was read for. */
  remaining: number;
  /** Microseconds until all units are there again. */
  reset: number;
  /** Microseconds until what it was read for may fit; 0 where it does. */
  wait: number;
  /** Takes over what the store told. */
  learn(told: readonly unknown[], now: number): void;
  /** Whether so many units fit. */
  read(cost: number, now: number): boolean;
  /** Counts units, negative ones as given back. */
  count(units: number, now: number): void;
  /** Number of the window in which units are counted now; "" where it does not matter. */
  windowAt(now: number): string;
}

/** The bound of a rule. */
export function syncedBound(rule: RuleArguments): SyncedBound {
  if (rule.kind === "s") return new SyncedSliding(rule);
  return rule.kind === "f" || rule.kind === "c" ? new SyncedFixed(rule) : new SyncedBucket(rule);
}

class SyncedFixed implements SyncedBound {
  remaining = 0;
  reset = 0;
  wait = 0;
  readonly #rule: RuleArguments;
  #id = 0;
  #end = 0;
  #units = 0;

  constructor(rule: RuleArguments) {
    this.#rule = rule;
  }

  learn(told: readonly unknown[]): void {
    [this.#id, this.#units, this.#end] = told as [number, number, number];
  }

  /** Begins the next window where the one that is known is over. */
  #roll(now: number): void {
    if (now < this.#end) return;
    const { calendar, window } = this.#rule.rule;
    this.#units = 0;
    if (calendar === undefined) {
      this.#id = Math.floor(now / (window * 1_000));
      this.#end = (this.#id + 1) * window * 1_000;
    } else {
      const [from, to] = calendar(Math.floor(now / 1_000));
      this.#id = from;
      this.#end = to * 1_000;
    }
  }

  read(cost: number, now: number): boolean {
    this.#roll(now);
    const { limit } = this.#rule.rule;
    const fits = this.#units + cost <= limit;
    this.remaining = Math.max(0, limit - this.#units);
    this.reset = this.#units > 0 ? this.#end - now : 0;
    this.wait = fits ? 0 : this.#end - now;
    return fits;
  }

  count(units: number, now: number): void {
    this.#roll(now);
    this.#units = Math.max(0, this.#units + units);
  }

  windowAt(now: number): string {
    this.#roll(now);
    return String(this.#id);
  }
}

class SyncedSliding implements SyncedBound {
  remaining = 0;
  reset = 0;
  wait = 0;
  readonly #limit: number;
  readonly #length: number;
  #index = 0;
  /** Units of the newest part, then of those before it. */
  readonly #parts: number[] = new Array<number>(PARTS + 1).fill(0);

  constructor({ rule: { limit, window } }: RuleArguments) {
    this.#limit = limit;
    this.#length = (window * 1_000) / PARTS;
  }

  learn(told: readonly unknown[]): void {
    const [index, ...parts] = told as number[];
    this.#index = index!;
    for (let back = 0; back <= PARTS; back++) this.#parts[back] = parts[back]!;
  }

  #roll(now: number): void {
    const ahead = Math.min(PARTS + 1, Math.floor(now / this.#length) - this.#index);
    if (ahead <= 0) return;
    this.#index = Math.floor(now / this.#length);
    this.#parts.copyWithin(ahead, 0);
    this.#parts.fill(0, 0, ahead);
  }

  read(cost: number, now: number): boolean {
    this.#roll(now);
    let used = 0;
    for (const units of this.#parts) used += units;
    const fits = used + cost <= this.#limit;
    this.remaining = Math.max(0, this.#limit - used);
    this.reset = used > 0 ? this.#leaves(used, now) : 0;
    this.wait = fits ? 0 : this.#leaves(used + cost - this.#limit, now);
    return fits;
  }

  #leaves(need: number, now: number): number {
    let gone = 0;
    let back = PARTS;
    for (; back > 0; back--) {
      gone += this.#parts[back]!;
      if (gone >= need) break;
    }
    return (this.#index - back + PARTS + 1) * this.#length - now;
  }

  count(units: number, now: number): void {
    this.#roll(now);
    if (units >= 0) this.#parts[0]! += units;
    else
      for (let back = PARTS, rest = -units; back >= 0; back--) {
        const part = Math.min(this.#parts[back]!, rest);
        this.#parts[back]! -= part;
        rest -= part;
      }
  }

  windowAt(): string {
    return "";
  }
}

class SyncedBucket implements SyncedBound {
  remaining = 0;
  reset = 0;
  wait = 0;
  readonly #greatest: number;
  readonly #rate: number;
  #at = 0;
  #level = 0;

  constructor({ greatest, rule: { limit, window } }: RuleArguments) {
    this.#greatest = greatest;
    this.#rate = limit / (window * 1_000);
  }

  learn([level]: readonly unknown[], now: number): void {
    this.#level = Number(level);
    this.#at = now;
  }

  #roll(now: number): void {
    this.#level = Math.max(0, this.#level - Math.max(0, now - this.#at) * this.#rate);
    this.#at = Math.max(now, this.#at);
  }

  read(cost: number, now: number): boolean {
    this.#roll(now);
    const over = this.#level + cost - this.#greatest;
    this.remaining = Math.max(0, Math.floor(this.#greatest - this.#level + BIT));
    this.reset = this.#level / this.#rate;
    this.wait = over <= BIT ? 0 : over / this.#rate;
    return over <= BIT;
  }

  count(units: number, now: number): void {
    this.#roll(now);
    this.#level = Math.max(0, this.#level + units);
  }

  windowAt(): string {
    return "";
  }
}

/** What is lost by arithmetic, in units. */
const BIT = 1e-6;
