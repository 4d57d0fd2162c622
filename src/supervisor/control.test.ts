import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ControlConnection, ControlServer } from "./control.ts";

function folder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "torana-control-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("messages arrive whole and in their order, and undefined when the other end is gone", async () => {
  using place = folder();
  const path = join(place.path, "x", "control.sock");
  const met = Promise.withResolvers<ControlConnection>();
  const server = await ControlServer.open(path, met.resolve);
  const client = await ControlConnection.to(path);
  client!.send({ type: "hello", pid: 1 });
  client!.send({ type: "serving" });
  const there = await met.promise;
  assert.deepEqual(await there.next(), { type: "hello", pid: 1 });
  assert.deepEqual(await there.next(), { type: "serving" });
  assert.equal(await there.next(1), undefined);
  client!.close();
  assert.equal(await there.next(), undefined);
  server.close();
  assert.equal(await ControlConnection.to(path), undefined);
});

test("an end that breaks off with an error is only gone", async () => {
  using place = folder();
  const path = join(place.path, "plain.sock");
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer(accepted.resolve);
  await new Promise<void>((listening) => server.listen(path, listening));
  const socket = connect(path);
  const connection = new ControlConnection(socket);
  await accepted.promise;
  socket.destroy(new Error("broken"));
  assert.equal(await connection.next(), undefined);
  server.close();
});
