import { setTimeout as sleep } from "node:timers/promises";
import { RedisServer } from "../../test/support/redis.ts";
import { describeRedis, openStore, storeConfig } from "../../test/support/redis-store.ts";

describeRedis(
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
  { clock: 60 },
);
