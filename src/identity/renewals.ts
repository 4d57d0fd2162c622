import type { Clock } from "../lib/clock.ts";
import type { Kept } from "../pipeline/policy.ts";
import type { Session } from "./session.ts";

/** What became of a session that was to be renewed: a newer one, or "elsewhere" where another worker or gateway is at it. */
export type Renewed = Session | "elsewhere";

interface Renewal {
  readonly promise: Promise<Renewed>;
  session: Session | undefined;
  /** When it is forgotten, in the clock's milliseconds. */
  until: number;
}

/** How long the outcome is remembered: who left before the answer came still brings the old session. */
const KEPT = 300_000;
/** The same for a failure: others must not ask again at once. */
const KEPT_FAILURE = 2_000;
/** Outcomes that are remembered at most: each holds a whole session. */
const MOST = 10_000;

/** Renewals of sessions, one at a time for each: many requests of a page come at once, and a refresh token may be good once only. */
export class Renewals implements Kept {
  readonly #clock: Clock;
  readonly #known = new Map<string, Renewal>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newer session that took the place of this one not long ago. */
  newer(session: Session): Session | undefined {
    if (session.refreshToken === undefined || this.#known.size === 0) return undefined;
    const newer = this.#current(session.refreshToken)?.session;
    return newer !== undefined && newer.written > session.written ? newer : undefined;
  }

  /** Renews a session, or joins who does. Rejects as `renew` does. */
  once(session: Session, refreshToken: string, renew: () => Promise<Renewed>): Promise<Renewed> {
    const now = this.#clock.now();
    const known = this.#current(refreshToken);
    // A provider may give the same refresh token again: what became of an older session says nothing of this one.
    const same =
      known !== undefined && (known.session === undefined || known.session.written > session.written);
    if (same) return known.promise;
    this.#forget(now);
    const renewal: Renewal = { promise: renew(), session: undefined, until: Number.POSITIVE_INFINITY };
    this.#known.delete(refreshToken);
    this.#known.set(refreshToken, renewal);
    renewal.promise.then(
      (renewed) => {
        if (renewed === "elsewhere") renewal.until = 0;
        else {
          renewal.session = renewed;
          renewal.until = this.#clock.now() + KEPT;
        }
      },
      () => {
        renewal.until = this.#clock.now() + KEPT_FAILURE;
      },
    );
    return renewal.promise;
  }

  close(): void {
    this.#known.clear();
  }

  #current(refreshToken: string): Renewal | undefined {
    const known = this.#known.get(refreshToken);
    return known !== undefined && this.#clock.now() < known.until ? known : undefined;
  }

  /** Forgets what is over, or too much; in the order in which it began, so that each costs its share only. */
  #forget(now: number): void {
    for (const [key, { until }] of this.#known) {
      const isDue = until <= now || (this.#known.size >= MOST && until !== Number.POSITIVE_INFINITY);
      if (!isDue) return;
      this.#known.delete(key);
    }
  }
}
