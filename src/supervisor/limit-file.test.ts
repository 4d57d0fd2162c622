import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LimitDecision, Limiter, LimitRule } from "../pipeline/limits.ts";
import { createLimitMemory, type LimitMemory } from "../stores/limit-memory.ts";
import { LocalStore } from "../stores/local-store.ts";
import { LimitFile, limitFile } from "./limit-file.ts";

const DAY = 86_400_000;
const RULE: LimitRule = {
  algorithm: "fixed",
  limit: 10,
  window: DAY,
  burst: 0,
  calendar: (wall) => [wall - (wall % DAY), wall - (wall % DAY) + DAY],
};

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "torana-limits-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

interface Stand {
  readonly file: LimitFile;
  readonly memory: LimitMemory;
  readonly limiter: Limiter;
  readonly told: string[];
  left(): number;
}

/** A process's part of it, as it starts. */
async function start(t: TestContext, path: string): Promise<Stand> {
  const told: string[] = [];
  const file = new LimitFile(path, (line) => told.push(line));
  const memory = createLimitMemory({ entries: 32, workers: 1, hashKey: await file.read() });
  file.start(memory);
  t.after(() => file.close());
  const limiter = new LocalStore(memory, 0).limiter("s", [RULE]);
  const left = (): number => (limiter.take("a", 0) as LimitDecision).states[0]!.remaining;
  return { file, memory, limiter, told, left };
}

test("what one process counted the next goes on with, and only the owner can read it", async (t) => {
  const path = join(folder(t), "state", "limits.bin");
  const first = await start(t, path);
  await first.file.write();
  assert.equal(existsSync(path), false, "there is nothing to keep yet");
  first.limiter.take("a", 4);
  await first.file.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(path, "..")), ["limits.bin"]);
  assert.equal((await start(t, path)).left(), 6);
});

test("one that takes over takes in what the other counted until it let go, once", async (t) => {
  const path = join(folder(t), "limits.bin");
  const old = await start(t, path);
  old.limiter.take("a", 2);
  await old.file.write();
  const next = await start(t, path);
  next.limiter.take("a", 1);
  old.limiter.take("a", 3);
  await old.file.close();
  await next.file.catchUp();
  assert.equal(next.left(), 4);
  await next.file.catchUp();
  assert.equal(next.left(), 4);
  old.limiter.take("a", 1);
  await old.file.write();
  await next.file.close();
  assert.equal((await start(t, path)).left(), 4, "who has let go writes no more");
});

test("of one that had nothing to keep at first, what it counts later cannot be taken in", async (t) => {
  const path = join(folder(t), "limits.bin");
  const old = await start(t, path);
  const next = await start(t, path);
  old.limiter.take("a", 3);
  await old.file.close();
  await next.file.catchUp();
  assert.equal(next.left(), 10);
});

test("a damaged file is told of and begins anew; one that cannot be written is told of once", async (t) => {
  const path = join(folder(t), "limits.bin");
  writeFileSync(path, "not what it should be, but long enough to look at");
  const { told, limiter, file, left } = await start(t, path);
  assert.match(told.join("\n"), /cannot be read and begin anew: it holds no counts/);
  limiter.take("a", 1);
  await file.write();
  assert.equal(left(), 9);
  const below = await start(t, join(path, "state", "limits.bin"));
  below.limiter.take("a", 1);
  await below.file.write();
  await below.file.write();
  assert.equal(below.told.filter((line) => /cannot be written/.test(line)).length, 1);
  assert.equal(below.left(), 9);
});

test("each config has a file of its own in the folder beside it", () => {
  assert.match(limitFile("/etc/torana/a.yaml", "state"), /^\/etc\/torana\/state\/limits-[0-9a-f]{12}\.bin$/);
  assert.notEqual(limitFile("/etc/torana/a.yaml", "state"), limitFile("/etc/torana/b.yaml", "state"));
  assert.match(limitFile("/etc/torana/a.yaml", "/var/lib/torana"), /^\/var\/lib\/torana\/limits-/);
});
