import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describeLimitStore } from "../../test/support/limit-store-suite.ts";
import {
  noRedis,
  RedisServer,
  RedisServers,
  SentinelStand,
  startTlsRedis,
} from "../../test/support/redis.ts";
import { openStore, storeConfig, storeStand } from "../../test/support/redis-store.ts";
import type { StoreLink } from "./redis-store.ts";
import { PARTS } from "./sliding-bound.ts";

/** Runs scripts at a time that the test says, which lies in a list of the server's. */
function atTestTime(link: StoreLink, wall: () => number): StoreLink {
  return {
    wall,
    get batch() {
      return link.batch;
    },
    config: link.config,
    downFor: (key) => link.downFor(key),
    close: () => link.close(),
    run: ({ text }, keys, args, late) => {
      const timed = text.replace("redis.call('TIME')", "redis.call('LRANGE', 'test-time', 0, 1)");
      return link.run({ text: timed, sha: "0".repeat(40) }, keys, args, late);
    },
  };
}

const SET_TIME = "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[2])";

if (noRedis) test("limits in Redis", { skip: noRedis }, () => assert.ok(noRedis));
else {
  describeLimitStore(
    "Redis by a clock of the test's",
    async () => {
      const server = await RedisServer.start();
      const config = storeConfig({ urls: [server.url] });
      const [mine, theirs] = [await openStore(config), await openStore(config)];
      let time = 1_750_000_000_000;
      for (const { store, link } of [mine, theirs]) store.link = atTestTime(link, () => time);
      const setTime = async (): Promise<void> => {
        const parts = [Math.floor(time / 1_000), Math.round((time % 1_000) * 1_000)].map(String);
        await server.command("EVAL", SET_TIME, "1", "test-time", ...parts);
      };
      await setTime();
      return {
        store: mine.store,
        other: theirs.store,
        now: () => time,
        pass: async (milliseconds) => {
          time = Math.ceil((time + milliseconds) * 1_000) / 1_000;
          await setTime();
        },
        close: async () => {
          for (const one of [mine, theirs, server]) await one[Symbol.asyncDispose]();
        },
      };
    },
    { clock: 0.01, part: 1 / PARTS, rounds: 4 },
  );

  const tolerance = { clock: 5, part: 1 / PARTS, rounds: 0 };

  describeLimitStore(
    "a cluster of three",
    async () => {
      const cluster = await RedisServers.cluster();
      return storeStand(storeConfig({ mode: "cluster", urls: cluster.urls.slice(0, 2) }), cluster);
    },
    tolerance,
  );

  describeLimitStore(
    "what a sentinel names",
    async () => {
      const stand = await SentinelStand.start("open-sesame");
      const urls = [stand.sentinel.url];
      return storeStand(
        storeConfig({ mode: "sentinel", urls, master: "main", password: "open-sesame" }),
        stand,
      );
    },
    tolerance,
  );

  describeLimitStore(
    "Redis by TLS",
    async () => {
      const { server, url, ca } = await startTlsRedis();
      return storeStand(storeConfig({ urls: [url], ca }), server);
    },
    tolerance,
  );

  describeLimitStore(
    "Redis, settled in between, by one worker",
    async () => {
      const server = await RedisServer.start();
      const { store, link } = await openStore(storeConfig({ urls: [server.url] }, { sync: 20 }));
      return {
        store,
        other: store,
        now: () => Date.now(),
        pass: (milliseconds) => sleep(milliseconds),
        close: async () => {
          await link.close();
          await server[Symbol.asyncDispose]();
        },
      };
    },
    // What is counted here counts there from the next settlement on.
    { ...tolerance, clock: 60 },
  );
}
