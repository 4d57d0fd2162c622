/** What every store of limits must do, whatever it counts in. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type {
  Gauge,
  LimitAlgorithm,
  LimitDecision,
  Limiter,
  LimitRule,
  LimitStore,
} from "../../src/pipeline/limits.ts";
import { Random } from "./random.ts";

/** A store, and its time. */
export interface StoreStand {
  readonly store: LimitStore;
  /** The same counts, as another thread or gateway has them. */
  readonly other: LimitStore;
  /** Milliseconds of the clock that windows are counted by, from 1970. */
  now(): number;
  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** How far a store may be from the model. */
export interface StoreTolerance {
  /** Milliseconds by which its clock may be off. */
  readonly clock: number;
  /** Share of a sliding window for which a unit may count longer. */
  readonly part: number;
  /** Random schedules of each algorithm. */
  readonly rounds: number;
  /** Requests of a client that waits as long as it is told (default 40). */
  readonly turns?: number;
}

let spaces = 0;

/** A rule with what is left out. */
export function rule(
  algorithm: LimitAlgorithm,
  limit: number,
  window: number,
  more: Partial<LimitRule> = {},
): LimitRule {
  return { algorithm, limit, window, burst: algorithm === "token-bucket" ? limit : 0, ...more };
}

/** Tests a store. */
export function describeLimitStore(
  name: string,
  open: () => StoreStand | Promise<StoreStand>,
  tolerance: StoreTolerance,
): void {
  describe(`limits in ${name}`, () => {
    let stand: StoreStand;
    before(async () => {
      stand = await open();
    });
    after(() => stand.close?.());
    const space = (): string => `space ${process.pid} ${++spaces}`;
    const limiter = (...rules: LimitRule[]): Limiter => stand.store.limiter(space(), rules);

    for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
      test(`${algorithm}: allows the limit at once, and no more`, async () => {
        await aligned(stand, 60_000);
        const one = limiter(rule(algorithm, 5, 60_000));
        for (let left = 4; left >= 0; left--) {
          const { allowed, retryAfter, delay, states } = await one.take("a", 1);
          assert.deepEqual([allowed, retryAfter, delay, states[0]!.remaining], [true, 0, 0, left]);
          assert.ok(states[0]!.reset > 0 && states[0]!.reset <= 60_000 * (1 + tolerance.part) + 1);
        }
        const { allowed, retryAfter, states } = await one.take("a", 1);
        assert.deepEqual([allowed, states[0]!.remaining], [false, 0]);
        assert.ok(retryAfter > 0 && retryAfter <= 60_000 * (1 + tolerance.part) + 1, `${retryAfter}`);
        assert.equal((await one.take("b", 5)).allowed, true, "another key has its own");
        one.close();
      });

    for (const algorithm of ["fixed", "sliding", "token-bucket", "leaky-bucket"] as const) {
      test(`${algorithm}: what waits as long as it is told is allowed`, async () => {
        const one = limiter(rule(algorithm, 3, 300, { burst: algorithm === "fixed" ? 0 : 2 }));
        for (let i = 0; i < (tolerance.turns ?? 40); i++) {
          const decision = await one.take("a", 1 + (i % 2));
          if (decision.allowed) continue;
          assert.ok(Number.isFinite(decision.retryAfter) && decision.retryAfter > 0);
          await stand.pass(decision.retryAfter + tolerance.clock);
          assert.equal((await one.take("a", 1 + (i % 2))).allowed, true, `after ${decision.retryAfter}`);
        }
        one.close();
      });

      test(`${algorithm}: what costs more than there is comes never, and takes nothing`, async () => {
        const one = limiter(rule(algorithm, 4, 60_000, { burst: 4 }));
        const { allowed, retryAfter } = await one.take("a", 6);
        assert.deepEqual([allowed, retryAfter], [false, Number.POSITIVE_INFINITY]);
        assert.equal((await one.take("a", 4)).allowed, true);
        one.close();
      });

      test(`${algorithm}: is as new once its time is over`, async () => {
        const one = limiter(rule(algorithm, 3, 300, { burst: 3 }));
        await one.take("a", 3);
        const { states } = await one.take("a", 0);
        await stand.pass(states[0]!.reset + tolerance.clock);
        const fresh = (await one.take("a", 0)).states[0]!;
        assert.deepEqual([fresh.remaining, fresh.reset], [algorithm === "leaky-bucket" ? 4 : 3, 0]);
        one.close();
      });

      test(`${algorithm}: keeps to its bound in random traffic`, async () => {
        for (let round = 0; round < tolerance.rounds; round++) await randomTraffic(algorithm, round);
      });
    }

    async function randomTraffic(algorithm: LimitAlgorithm, round: number): Promise<void> {
      const chance = new Random(1_000 * round + algorithm.length);
      const draw = (): number => chance.below(1_000_000) / 1_000_000;
      const limit = 1 + Math.floor(draw() * 12);
      const window = 100 + Math.floor(draw() * 900);
      const burst = algorithm === "fixed" || algorithm === "sliding" ? 0 : Math.floor(draw() * limit) + 1;
      const one = limiter(rule(algorithm, limit, window, { burst }));
      const taken: Taken[] = [];
      for (let i = 0; i < 120; i++) {
        await stand.pass(draw() < 0.3 ? draw() * window * 1.5 : (draw() * window) / limit);
        const cost = 1 + Math.floor(draw() * Math.min(3, limit));
        const from = stand.now();
        const decision = await one.take("a", cost);
        const to = stand.now();
        if (decision.allowed) taken.push({ from: from + decision.delay, to: to + decision.delay, cost });
        judge({ algorithm, limit, window, burst, taken, decision, cost, from, to }, tolerance);
      }
      one.close();
    }

    test("looking takes nothing", async () => {
      const one = limiter(rule("sliding", 2, 60_000));
      assert.deepEqual((await one.take("a", 0)).states[0]!.remaining, 2);
      for (let i = 0; i < 5; i++) assert.equal((await one.take("a", 0)).allowed, true);
      assert.equal((await one.take("a", 2)).allowed, true);
      const { allowed, states } = await one.take("a", 0);
      assert.deepEqual([allowed, states[0]!.remaining], [true, 0]);
      one.close();
    });

    for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
      test(`${algorithm}: what is added counts past the bound, and can be given back`, async () => {
        await aligned(stand, 60_000);
        const one = limiter(rule(algorithm, 10, 60_000));
        one.add("a", 15);
        await settled(stand, async () => (await one.take("a", 0)).states[0]!.remaining === 0);
        assert.equal((await one.take("a", 1)).allowed, false);
        one.add("a", -7);
        await settled(stand, async () => (await one.take("a", 0)).states[0]!.remaining === 2);
        assert.equal((await one.take("a", 3)).allowed, false);
        assert.equal((await one.take("a", 2)).allowed, true);
        one.add("a", -1_000);
        await settled(stand, async () => (await one.take("a", 0)).states[0]!.remaining === 10);
        assert.equal((await one.take("a", 11)).allowed, false, "no more is saved than there is");
        one.close();
      });

    test("of several bounds all take or none", async () => {
      await aligned(stand, 600_000);
      const rules = [
        rule("fixed", 100, 60_000),
        rule("sliding", 3, 60_000),
        rule("token-bucket", 50, 600_000),
      ];
      const one = limiter(...rules);
      for (let i = 0; i < 3; i++) assert.equal((await one.take("a", 1)).allowed, true);
      for (let i = 0; i < 20; i++) assert.equal((await one.take("a", 1)).allowed, false);
      const { states } = await one.take("a", 0);
      assert.deepEqual(
        states.map(({ remaining }) => remaining),
        [97, 0, 47],
      );
      assert.deepEqual(
        states.map((state) => state.rule),
        rules,
      );
      one.close();
    });

    test("what names the same space counts together, what does not counts apart", async () => {
      const name = space();
      const rules = [rule("sliding", 4, 60_000)];
      const mine = stand.store.limiter(name, rules);
      const theirs = stand.other.limiter(name, rules);
      const others = stand.other.limiter(space(), rules);
      for (const one of [mine, theirs, mine, theirs]) assert.equal((await one.take("a", 1)).allowed, true);
      assert.equal((await mine.take("a", 1)).allowed, false);
      assert.equal((await theirs.take("a", 1)).allowed, false);
      assert.equal((await others.take("a", 1)).allowed, true);
      for (const one of [mine, theirs, others]) one.close();
    });

    test("windows of the calendar begin where it says", async () => {
      // Windows of the calendar are told apart by the minute at which they begin.
      const calendar = (wall: number): [number, number] => {
        const from = wall - (wall % 60_000);
        return [from, from + 60_000];
      };
      await aligned(stand, 60_000);
      const one = limiter(rule("fixed", 2, 60_000, { calendar }));
      assert.equal((await one.take("a", 2)).allowed, true);
      const { allowed, retryAfter } = await one.take("a", 1);
      assert.equal(allowed, false);
      assert.ok(retryAfter > 0 && retryAfter <= 60_000);
      one.close();
    });

    test("keys may be any text", async () => {
      const one = limiter(rule("fixed", 1, 600_000));
      const keys = ["", "a", "a\0", "ä", "\ud83d\ude00", "a".repeat(10_000), "a b", "{a}", "a:b"];
      for (const key of keys)
        assert.equal((await one.take(key, 1)).allowed, true, JSON.stringify(key.slice(0, 9)));
      one.close();
    });

    test("a gauge lets in as many as it is told, from all sides together", async () => {
      const name = space();
      const [mine, theirs]: Gauge[] = [
        stand.store.gauge(name, 60_000),
        stand.other.gauge(name, 60_000),
      ] as const;
      assert.equal(await mine!.enter("a", 3), true);
      assert.equal(await theirs!.enter("a", 3), true);
      assert.equal(await mine!.enter("a", 3), true);
      assert.equal(await theirs!.enter("a", 3), false);
      assert.equal(await theirs!.enter("b", 3), true, "another key has its own places");
      theirs!.leave("a");
      await settled(stand, async () => {
        const entered = await mine!.enter("a", 3);
        return entered;
      });
      assert.equal(await mine!.enter("a", 3), false);
      for (let i = 0; i < 3; i++) mine!.leave("a");
      await settled(stand, async () => {
        const free = await theirs!.enter("a", 1);
        return free;
      });
      theirs!.leave("a");
      theirs!.leave("b");
      mine!.close();
      theirs!.close();
    });
  });
}

/** Waits for the beginning of a window, so that none ends in the middle of a test. */
async function aligned(stand: StoreStand, window: number): Promise<void> {
  const rest = window - (stand.now() % window);
  if (rest < 2_000) await stand.pass(rest);
}

/** What is added needs not be there at once. */
async function settled(stand: StoreStand, done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`not settled at ${stand.now()}`);
}

/** A request that was allowed: the time at which it passed lies between these. */
interface Taken {
  readonly from: number;
  readonly to: number;
  readonly cost: number;
}

interface Moment {
  readonly algorithm: LimitAlgorithm;
  readonly limit: number;
  readonly window: number;
  readonly burst: number;
  /** What was allowed so far, this one as well. */
  readonly taken: readonly Taken[];
  readonly decision: LimitDecision;
  readonly cost: number;
  readonly from: number;
  readonly to: number;
}

/** Holds a decision against a model that knows nothing of how the store counts. */
function judge(moment: Moment, tolerance: StoreTolerance): void {
  const { decision } = moment;
  if (decision.allowed) assertBound(moment, tolerance);
  else assert.ok(!mustAllow(moment, tolerance), `refused what fits: ${JSON.stringify(moment)}`);
}

function sum(taken: readonly Taken[], of: (one: Taken) => boolean): number {
  return taken.reduce((all, one) => (of(one) ? all + one.cost : all), 0);
}

function assertBound({ algorithm, limit, window, burst, taken }: Moment, { clock }: StoreTolerance): void {
  const last = taken.at(-1)!;
  const said = (): string =>
    `${algorithm} ${limit} in ${window} ms, burst ${burst}: ${JSON.stringify(taken)}`;
  if (algorithm === "fixed") {
    const id = Math.floor(last.from / window);
    if (id !== Math.floor(last.to / window)) return;
    const within = (one: Taken): boolean =>
      Math.floor(one.from / window) === id && Math.floor(one.to / window) === id;
    assert.ok(sum(taken, within) <= limit, said());
    return;
  }
  if (algorithm === "sliding") {
    const inWindow = (one: Taken): boolean => last.to - one.from < window - clock;
    assert.ok(sum(taken, inWindow) <= limit, said());
    return;
  }
  const rate = limit / window;
  // What passes through a leaky bucket is not faster than its rate anywhere; a token bucket lets its burst through as well.
  const most = algorithm === "token-bucket" ? burst : last.cost;
  for (const { from } of taken) {
    const units = sum(taken, (one) => one.from >= from);
    assert.ok(units <= most + rate * (last.to - from + clock) + 1e-6, said());
  }
}

/** Whether the model allows it even where everything counts for as long as it may. */
function mustAllow(
  { algorithm, limit, window, burst, taken, cost, from, to }: Moment,
  tolerance: StoreTolerance,
): boolean {
  const { clock, part } = tolerance;
  if (algorithm === "fixed") {
    const id = Math.floor((from - clock) / window);
    if (id !== Math.floor((to + clock) / window)) return false;
    return sum(taken, (one) => Math.floor((one.to + clock) / window) >= id) + cost <= limit;
  }
  if (algorithm === "sliding")
    return sum(taken, (one) => from - one.to <= window * (1 + part) + clock) + cost <= limit;
  // The level of a bucket that leaks at the rate, as full as it can be.
  const rate = limit / window;
  let level = 0;
  let at = taken[0]?.from ?? from;
  for (const one of taken) {
    level = Math.max(0, level - rate * Math.max(0, one.from - at)) + one.cost;
    at = one.from;
  }
  if (algorithm === "leaky-bucket") return taken.length === 0 && cost <= burst + 1;
  level = Math.max(0, level - rate * Math.max(0, from - clock - at));
  return level + cost <= burst - rate * clock;
}
