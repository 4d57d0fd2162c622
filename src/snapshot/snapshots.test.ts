import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { checkConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { loadCatalog } from "./catalog.ts";
import { Snapshots } from "./snapshots.ts";

function config(port: number, routes: number): Config {
  return checkConfig({
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: Array.from({ length: routes }, (_, i) => ({
      name: `route-${i}`,
      match: { path: `/${i}/{id}` },
      service: "main",
    })),
    services: { main: { endpoints: [`http://127.0.0.1:${port}`] } },
  });
}

test("what is being built keeps its connections to services when an older snapshot ends meanwhile", async () => {
  const snapshots = new Snapshots({
    mode: "data",
    meter: { record: () => undefined },
    sink: { failure: () => undefined },
  });
  const one = config(1, 1);
  const catalog = await loadCatalog(one);
  snapshots.first(one, catalog);
  const first = snapshots.current;
  first.use.exchanges++;
  snapshots.commit(await snapshots.prepare(config(2, 1), catalog));
  const poolOf = ({ services }: typeof first): unknown => services.get("main")!.service.endpoints[0]!.pool;

  let built = false;
  const building = snapshots.prepare(config(3, 20_000), catalog).finally(() => {
    built = true;
  });
  await setImmediate();
  assert.equal(built, false);
  first.use.exchanges--;
  first.use.whenUnused?.();
  const third = await building;
  snapshots.commit(third);
  const fourth = await snapshots.prepare(config(3, 2), catalog);
  assert.equal(poolOf(fourth), poolOf(third));
  snapshots.close();
});
