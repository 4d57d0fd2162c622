import { RedisServers } from "../../test/support/redis.ts";
import { describeRedis, storeConfig, storeStand } from "../../test/support/redis-store.ts";

describeRedis("a cluster of three", async () => {
  const cluster = await RedisServers.cluster();
  return storeStand(storeConfig({ mode: "cluster", urls: cluster.urls.slice(0, 2) }), cluster);
});
