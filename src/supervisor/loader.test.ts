import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Loader } from "./loader.ts";

test("code that never ends is given up, and the next load has a thread of its own", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "torana-loader-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "torana.json");
  const config = (policy: object): string =>
    JSON.stringify({
      listeners: [{ name: "public", address: "127.0.0.1:0" }],
      routes: [{ name: "all", policies: [policy] }],
    });
  writeFileSync(join(folder, "endless.ts"), "for (;;) {}\n");
  writeFileSync(file, config({ "./endless.ts": {} }));
  const loader = new Loader(1_500);
  await assert.rejects(loader.load(file, [], 1), /took longer than 1\.5 s/);
  writeFileSync(file, config({ respond: { status: 204 } }));
  const patient = new Loader();
  assert.ok("update" in (await patient.load(file, [], 2)));
  loader.stop();
  patient.stop();
});
