import { SentinelStand } from "../../test/support/redis.ts";
import { describeRedis, storeConfig, storeStand } from "../../test/support/redis-store.ts";

describeRedis("what a sentinel names", async () => {
  const password = "open-sesame";
  const stand = await SentinelStand.start(password);
  const urls = [stand.sentinel.url];
  return storeStand(storeConfig({ mode: "sentinel", urls, master: "main", password }), stand);
});
