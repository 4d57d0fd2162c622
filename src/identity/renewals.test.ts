import assert from "node:assert/strict";
import { test } from "node:test";
import { testClock } from "../testing/index.ts";
import { Renewals, type Renewed } from "./renewals.ts";
import type { Session } from "./session.ts";

const session = (written: number, refreshToken = "r"): Session => ({
  id: "s",
  began: 0,
  given: written,
  written,
  claims: {},
  refreshToken,
});

/** Counts how often a renewal is begun, and ends each as it is told. */
function counted(outcome: () => Promise<Renewed>): { renew: () => Promise<Renewed>; begun: () => number } {
  let begun = 0;
  const renew = (): Promise<Renewed> => {
    begun++;
    return outcome();
  };
  return { renew, begun: () => begun };
}

test("many who ask at once share one renewal, and who comes late finds it", async () => {
  const clock = testClock();
  const renewals = new Renewals(clock);
  const [old, next] = [session(1), session(2, "r2")];
  const { renew, begun } = counted(async () => next);
  const all = await Promise.all([1, 2, 3].map(() => renewals.once(old, "r", renew)));
  assert.deepEqual([all, begun()], [[next, next, next], 1]);
  assert.equal(renewals.newer(old), next);
  assert.equal(renewals.newer(next), undefined);
  clock.advance(300_000);
  assert.equal(renewals.newer(old), undefined);
});

test("a provider that gives the same refresh token again is asked again when it is time", async () => {
  const renewals = new Renewals(testClock());
  const [one, two, three] = [session(1), session(2), session(3)];
  await renewals.once(one, "r", async () => two);
  assert.equal(renewals.newer(one), two);
  assert.equal(renewals.newer(two), undefined);
  assert.equal(await renewals.once(two, "r", async () => three), three);
  assert.equal(renewals.newer(one), three);
});

test("a failure is shared for a short time, what happens elsewhere is not remembered", async () => {
  const clock = testClock();
  const renewals = new Renewals(clock);
  const failing = counted(() => Promise.reject(new Error("down")));
  for (let i = 0; i < 3; i++) await assert.rejects(renewals.once(session(1), "r", failing.renew), /down/);
  assert.equal(failing.begun(), 1);
  clock.advance(2_000);
  await assert.rejects(renewals.once(session(1), "r", failing.renew), /down/);
  assert.equal(failing.begun(), 2);
  const elsewhere = counted(async () => "elsewhere");
  for (let i = 0; i < 2; i++) await renewals.once(session(1), "other", elsewhere.renew);
  assert.equal(elsewhere.begun(), 2);
});

test("what is remembered does not grow with the number of people", async () => {
  const renewals = new Renewals(testClock());
  const renewed = async (n: number): Promise<void> => {
    await renewals.once(session(1, `r${n}`), `r${n}`, async () => session(2, `new${n}`));
  };
  for (let n = 0; n <= 10_000; n++) await renewed(n);
  assert.equal(renewals.newer(session(1, "r0")), undefined);
  assert.notEqual(renewals.newer(session(1, "r1")), undefined);
  assert.notEqual(renewals.newer(session(1, "r10000")), undefined);
});
