import type { Clock } from "../lib/clock.ts";
import { Recent } from "../lib/recent.ts";
import type { Caller, CallRequest } from "../pipeline/calls.ts";
import { isDryCall } from "../pipeline/calls.ts";
import type { Kept } from "../pipeline/policy.ts";
import { maxAgeOf, safeJson } from "./fetched.ts";
import { type KeySource, KeyTable } from "./key-source.ts";
import { keysOfSet, type TokenKey } from "./token-key.ts";

/** How long keys are believed, and how often they are asked for; all in milliseconds. */
export interface KeyTimes {
  /** They are asked for again this often; a shorter max-age of the answer counts instead, down to 10 s. */
  readonly refresh: number;
  /** While the issuer does not answer, the last keys are believed so long beyond that. */
  readonly staleFor: number;
  /** Unknown keys make the gateway ask at most once in this time, and once more at first. */
  readonly cooldown: number;
  /** One question may take so long. */
  readonly timeout: number;
}

/** What remote keys are made of. */
export interface RemoteKeysOptions extends KeyTimes {
  /** Where they are asked for; may ask itself, as discovery does. */
  locate(): Promise<CallRequest["to"]>;
  /** How messages name them. */
  readonly name: string;
  /** Algorithms that they may be used with (default: all that fit). */
  readonly algorithms: readonly string[] | undefined;
  readonly caller: Caller;
  readonly clock: Clock;
  random(): number;
  /** Takes lines for the gateway's log. */
  tell(line: string): void;
}

const MAX_AGE_MIN = 10_000;
const SET_BYTES_MAX = 1_048_576;
const FIRST_RETRY = 100;
const RETRY_MAX = 30_000;
/** Requests wait at most so long for their turn to have the issuer asked: less than a step may wait. */
const WAIT_MAX = 5_000;
const WAITING_MAX = 1_000;
const MISSING = 1_000;
const TIMER_MAX = 2_147_483_647;
/** Questions beyond the planned ones that may be asked at once. */
const SPARE_MAX = 2;

/**
 * The keys of an issuer that are asked for: at first when a snapshot that needs them is built, then as often as they live.
 * One set for all policies of a thread.
 */
export class RemoteKeys implements KeySource, Kept {
  readonly #options: RemoteKeysOptions;
  #table = new KeyTable([]);
  #believedUntil = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #asking: Promise<void> | undefined = undefined;
  /** The next answer, whoever asked, for those who wait for their turn. */
  #answered: PromiseWithResolvers<void> | undefined = undefined;
  #turn: NodeJS.Timeout | undefined = undefined;
  #waiting = 0;
  /** Names of keys that the issuer did not have, and when. */
  readonly #missing = new Recent<string, number>(MISSING);
  #spare = SPARE_MAX;
  #spareSince: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    this.#spareSince = options.clock.now();
    this.#askAside();
  }

  find(id: string | undefined, algorithm: string): readonly TokenKey[] {
    return this.#table.find(id, algorithm);
  }

  knows(id: string | undefined): boolean {
    return this.#table.knows(id);
  }

  /** The last question was answered: what is not among the keys is none. */
  get settled(): boolean {
    return this.#failures === 0 && this.#table.keys.length > 0;
  }

  again(id?: string): Promise<void> | undefined {
    if (id === undefined) return this.#again();
    const { clock, cooldown } = this.#options;
    // Whoever was told a moment ago that there is no such key is not kept waiting for the same answer.
    if (this.settled && clock.now() - (this.#missing.get(id) ?? Number.NEGATIVE_INFINITY) < cooldown)
      return undefined;
    return this.#again()?.then(() => {
      if (this.settled && !this.knows(id)) this.#missing.set(id, clock.now());
    });
  }

  #again(): Promise<void> | undefined {
    if (this.#asking !== undefined) return this.#asking;
    if (this.#closed || this.#waiting >= WAITING_MAX) return undefined;
    const wait = this.#takeSpare();
    if (wait === 0) return this.#ask();
    // An issuer that is down is asked again in time; nobody is kept waiting for that.
    if (wait > WAIT_MAX || !this.settled) return undefined;
    this.#turn ??= setTimeout(() => {
      this.#turn = undefined;
      this.#takeSpare();
      this.#askAside();
    }, wait);
    this.#waiting++;
    this.#answered ??= Promise.withResolvers();
    return this.#answered.promise;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#release();
  }

  /** Takes the right to ask out of turn: 0, or the milliseconds until there is one again. */
  #takeSpare(): number {
    const { clock, cooldown } = this.#options;
    const now = clock.now();
    const back = cooldown === 0 ? SPARE_MAX : Math.floor((now - this.#spareSince) / cooldown);
    if (back > 0) {
      this.#spare = Math.min(SPARE_MAX, this.#spare + back);
      this.#spareSince = this.#spare === SPARE_MAX ? now : this.#spareSince + back * cooldown;
    }
    if (this.#spare === 0) return Math.max(1, this.#spareSince + cooldown - now);
    if (this.#spare === SPARE_MAX) this.#spareSince = now;
    this.#spare--;
    return 0;
  }

  /** Asks although nobody waits for it. */
  #askAside(): void {
    this.#ask().catch(() => undefined);
  }

  /** One question at a time, for all who want an answer. Rejects only where nobody may be asked. */
  #ask(): Promise<void> {
    this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined;
      this.#release();
    });
    return this.#asking;
  }

  #release(): void {
    clearTimeout(this.#turn);
    this.#turn = undefined;
    this.#waiting = 0;
    this.#answered?.resolve();
    this.#answered = undefined;
  }

  async #load(): Promise<void> {
    const { caller, timeout, refresh, staleFor, algorithms, clock } = this.#options;
    clearTimeout(this.#timer);
    try {
      const to = await this.#options.locate();
      const { document, reply } = await safeJson(caller, { to, timeout, max: SET_BYTES_MAX });
      const keys = keysOfSet(document, algorithms);
      // What an issuer does not name any more is taken back, also where it names nothing at all; but that may be a mistake.
      this.#replace(keys);
      if (keys.length === 0) throw new RangeError("none of its keys can check a signature");
      if (this.#failures > 1) this.#options.tell(`${this.#options.name}: its keys are known again`);
      this.#failures = 0;
      this.#believedUntil = clock.now() + refresh + staleFor;
      const maxAge = maxAgeOf(reply);
      this.#plan(maxAge === undefined ? refresh : Math.min(refresh, Math.max(maxAge, MAX_AGE_MIN)));
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    if (isDryCall(error)) throw error;
    this.#failures++;
    const old = this.#table.keys.length > 0;
    if (old && this.#options.clock.now() >= this.#believedUntil) this.#replace([]);
    // The first failure may be a service that is not there yet; from the second on it is told, and then ever less often.
    if (Number.isInteger(Math.log2(this.#failures)) && this.#failures > 1)
      this.#options.tell(
        `${this.#options.name}: its keys cannot be had (${error.message}); ${old ? "the last ones are believed for now" : "its tokens are refused"}`,
      );
    this.#plan(
      Math.min(RETRY_MAX, this.#options.refresh, FIRST_RETRY * 2 ** Math.min(this.#failures - 1, 16)),
    );
  }

  /** Keys that are still there stay the same objects, so that what they proved holds; what the others proved is void. */
  #replace(keys: readonly TokenKey[]): void {
    const before = new Map(this.#table.keys.map((key) => [key.print, key]));
    const now = keys.map((key) => before.get(key.print) ?? key);
    const kept = new Set(now);
    for (const key of this.#table.keys) key.gone = !kept.has(key);
    this.#table = new KeyTable(now);
  }

  #plan(milliseconds: number): void {
    if (this.#closed) return;
    const early = 1 - this.#options.random() / 10;
    this.#timer = setTimeout(() => this.#askAside(), Math.min(milliseconds, TIMER_MAX) * early);
    this.#timer.unref();
  }
}
