import assert from "node:assert/strict";
import { test } from "node:test";
import { settleAccounts } from "./restart-account.ts";
import type { Account } from "./restart-client.ts";

const KILL = 10_000;
const LOG = "begun r1\nanswered r1\nbegun r2\nbegun r3\n";

function failed(id: string, method = "GET", started = KILL - 5, ended = KILL + 5): Account {
  return { id, method, started, ended, failure: "status 502", endpoint: undefined };
}

function causes(...accounts: Account[]): string[] {
  return settleAccounts(accounts, { log: LOG, otherLog: "", kills: [KILL], restarted: "1" }).failures.map(
    ({ cause }) => cause,
  );
}

test("a request that the endpoint had begun and not answered may fail, whatever its method", () => {
  assert.deepEqual(causes(failed("r2"), failed("r3", "POST")), ["begun", "begun"]);
});

test("a request that the endpoint had answered, or never saw, may not fail", () => {
  assert.deepEqual(causes(failed("r1"), failed("r9")), ["other", "other"]);
});

test("a POST is in doubt only while the endpoint dies", () => {
  const early = failed("p1", "POST", KILL - 100, KILL - 50);
  const during = failed("p2", "POST", KILL - 100, KILL + 1);
  const late = failed("p3", "POST", KILL + 251, KILL + 300);
  assert.deepEqual(causes(early, during, late), ["other", "in doubt", "other"]);
});

test("the sums tell answered from failed", () => {
  const good: Account = { ...failed("r1"), failure: undefined, endpoint: "1" };
  const settled = settleAccounts([good, failed("r2")], {
    log: LOG,
    otherLog: "",
    kills: [KILL],
    restarted: "1",
  });
  assert.equal(settled.requests, 2);
  assert.equal(settled.begunAndLost, 2);
  assert.equal(settled.answeredByRestarted, 1);
  assert.equal(settled.failures.length, 1);
});

test("a POST that was begun twice is told, a GET may be", () => {
  const post: Account = { ...failed("r2", "POST"), failure: undefined, endpoint: "2" };
  const get: Account = { ...failed("r3"), failure: undefined, endpoint: "2" };
  const otherLog = "begun r2\nanswered r2\nbegun r3\nanswered r3\n";
  const settled = settleAccounts([post, get], { log: LOG, otherLog, kills: [KILL], restarted: "1" });
  assert.deepEqual(settled.repeatedPosts, ["r2"]);
});
