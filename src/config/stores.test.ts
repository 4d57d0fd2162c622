import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import type { Config } from "./schema.ts";
import { masked, secretsOf } from "./secrets.ts";

function config(redis: object, more: object = {}): Config {
  return checkConfig({
    listeners: [{ name: "a", address: "127.0.0.1:0" }],
    routes: [{ name: "all", policies: [{ respond: {} }] }],
    stores: { shared: { redis, ...more } },
  });
}

function problems(redis: object, more: object = {}): string[] {
  try {
    config(redis, more);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ path, reason, cure }) => `${path}: ${reason}; ${cure}`);
  }
}

const URL_A = "redis://127.0.0.1:6379";
const URL_B = "redis://127.0.0.1:6380";

describe("stores in a config", () => {
  test("have what is left out", () => {
    const { stores } = config({ urls: [URL_A] });
    assert.deepEqual(stores["shared"], {
      redis: { urls: [URL_A], mode: "single", prefix: "torana:" },
      timeout: 100,
    });
  });

  test("may be a cluster, or what sentinels name, by TLS", () => {
    const cluster = { mode: "cluster", urls: [URL_A, URL_B] };
    const sentinel = {
      mode: "sentinel",
      urls: ["rediss://s1", "rediss://s2"],
      master: "m",
      password: "geheim",
    };
    assert.equal(config(cluster, { sync: "100ms" }).stores["shared"]!.sync, 100);
    assert.equal(config(sentinel).stores["shared"]!.redis.master, "m");
  });

  const wrong: readonly (readonly [string, object, object, RegExp])[] = [
    ["two servers of one", { urls: [URL_A, URL_B] }, {}, /redis\.urls: names several servers/],
    ["sentinels of nobody", { mode: "sentinel", urls: [URL_A] }, {}, /add master: mymaster/],
    ["a master of a cluster", { mode: "cluster", urls: [URL_A], master: "m" }, {}, /master is for sentinels/],
    ["a password beside the URL", { urls: [URL_A], password: "x" }, {}, /password: .*write it in the URL/],
    ["no URL", { urls: ["redis://"] }, {}, /urls\[0\]: is no URL/],
    ["another protocol", { urls: ["http://a"] }, {}, /redis:\/\/ or rediss:\/\//],
    ["no database", { urls: [`${URL_A}/x`] }, {}, /names no database/],
    ["a database of a cluster", { mode: "cluster", urls: [`${URL_A}/1`] }, {}, /a cluster has only one/],
    ["a query", { urls: [`${URL_A}/1?a=b`] }, {}, /behind the database/],
    ["TLS in parts", { mode: "cluster", urls: [URL_A, "rediss://b"] }, {}, /in all, or in none/],
    ["other passwords", { mode: "cluster", urls: ["redis://:a@a", "redis://:b@b"] }, {}, /the same in all/],
    ["a time that is too short", { urls: [URL_A] }, { sync: "1ms" }, /sync: a time of 1ms.*from 10ms/],
    ["a time that is too long", { urls: [URL_A] }, { timeout: "1m" }, /timeout: a time of 60000ms.*10000ms/],
    ["a CA without TLS", { urls: [URL_A], ca: "ca.pem" }, {}, /ca: is for TLS/],
    ["a CA that is not there", { urls: ["rediss://a"], ca: "nowhere.pem" }, {}, /redis\.ca: .*nowhere\.pem/],
    ["braces in the prefix", { urls: [URL_A], prefix: "{gw}:" }, {}, /prefix: has braces/],
    ["what is not known", { urls: [URL_A], hosts: [] }, {}, /hosts/],
  ];
  for (const [name, redis, more, expected] of wrong)
    test(`are refused for ${name}`, () => {
      const found = problems(redis, more);
      assert.match(found[0] ?? "", expected);
    });

  test("show no password", () => {
    const url = "redis://me:quite-secret@127.0.0.1:6379/2";
    const one = config({ urls: [url] });
    assert.doesNotMatch(JSON.stringify(masked(one, secretsOf(one))), /quite-secret/);
    const sentinel = config({ mode: "sentinel", urls: [URL_A], master: "m", password: "quite-secret" });
    assert.doesNotMatch(JSON.stringify(masked(sentinel, secretsOf(sentinel))), /quite-secret/);
    assert.doesNotMatch(problems({ urls: [url, url] }).join(), /quite-secret/);
  });
});
