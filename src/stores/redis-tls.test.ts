import { startTlsRedis } from "../../test/support/redis.ts";
import { describeRedis, storeConfig, storeStand } from "../../test/support/redis-store.ts";

describeRedis("Redis by TLS", async () => {
  const { server, url, ca } = await startTlsRedis();
  return storeStand(storeConfig({ urls: [url], ca }), server);
});
