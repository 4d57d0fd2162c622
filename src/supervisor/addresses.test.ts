import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { checkConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { Addresses } from "./addresses.ts";

function listeners(addresses: Readonly<Record<string, string>>): Config["listeners"] {
  const written = Object.entries(addresses).map(([name, address]) => ({ name, address }));
  const routes = [{ name: "all", policies: [{ respond: { status: 204 } }] }];
  return checkConfig({ listeners: written, routes }).listeners;
}

async function taken(host: string): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, host, listening));
  return { server, port: (server.address() as { port: number }).port };
}

test("a port that the system chose stays, also when a config in between was refused", async () => {
  const addresses = new Addresses();
  const [first] = await addresses.settle(listeners({ a: "127.0.0.1:0" }));
  addresses.accept();
  await addresses.settle(listeners({ b: "127.0.0.1:0" }));
  const [again] = await addresses.settle(listeners({ a: "127.0.0.1:0" }));
  assert.notEqual(first!.address.port, 0);
  assert.equal(again!.address.port, first!.address.port);
});

test("an address that a listener of this process has is no other program's: renamed, wider, narrower", async () => {
  const { port, server } = await taken("0.0.0.0");
  const addresses = new Addresses();
  addresses.inherit({ [`a 0.0.0.0 ${port}`]: port });
  for (const address of [`0.0.0.0:${port}`, `127.0.0.1:${port}`]) {
    const [settled] = await addresses.settle(listeners({ b: address }));
    assert.equal(settled!.address.port, port);
  }
  await assert.rejects(new Addresses().settle(listeners({ b: `0.0.0.0:${port}` })), /is taken by another/);
  await new Promise((closed) => server.close(closed));
});
