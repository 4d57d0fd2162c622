import { RedisServer } from "../../test/support/redis.ts";
import { describeRedis, openStore, storeConfig } from "../../test/support/redis-store.ts";
import type { StoreLink } from "./redis-store.ts";

/** Runs scripts at a time that the test says, which lies in a list of the server's. */
function atTestTime(link: StoreLink, wall: () => number): StoreLink {
  return {
    wall,
    get batch() {
      return link.batch;
    },
    config: link.config,
    up: link.up,
    downFor: (key) => link.downFor(key),
    close: () => link.close(),
    run: ({ text }, keys, args, late) => {
      const timed = text.replace("redis.call('TIME')", "redis.call('LRANGE', 'test-time', 0, 1)");
      return link.run({ text: timed, sha: "0".repeat(40) }, keys, args, late);
    },
  };
}

const SET_TIME = "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[2])";

describeRedis(
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
  { clock: 0.01, rounds: 4 },
);
