import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, renameSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { until } from "../../test/support/wait.ts";
import { LineFile } from "./line-file.ts";
import { LineFiles } from "./line-files.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "torana-lines-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("lines of all who write to a file are out when the last of them has closed it", async (t) => {
  const path = join(await folder(t), "a.log");
  const files = new LineFiles();
  const first = files.open(path);
  const second = files.open(path);
  first.write("one");
  second.write("zwei é");
  first.close();
  first.close();
  second.write("three");
  second.close();
  await files.settled();
  assert.equal(readFileSync(path, "utf8"), "one\nzwei é\nthree\n");
  assert.equal(statSync(path).mode & 0o007, 0, "others may not read it");
});

test("a file is added to", async (t) => {
  const path = join(await folder(t), "a.log");
  for (const line of ["one", "two"]) {
    const files = new LineFiles();
    const lines = files.open(path);
    lines.write(line);
    lines.close();
    await files.settled();
  }
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
});

test("many lines leave before anybody closes", async (t) => {
  const path = join(await folder(t), "a.log");
  const files = new LineFiles();
  const lines = files.open(path);
  for (let i = 0; i < 1_000; i++) lines.write("x".repeat(99));
  await until("lines to leave", () => statSync(path).size >= 65_536);
  lines.close();
  await files.settled();
  assert.equal(statSync(path).size, 100_000);
  assert.equal(files.dropped, 0);
});

test("a rotation loses no line: what was moved away keeps its own, the new file gets the next", async (t) => {
  const at = await folder(t);
  const path = join(at, "a.log");
  const files = new LineFiles();
  const lines = files.open(path);
  lines.write("before");
  renameSync(path, join(at, "a.log.1"));
  files.reopen();
  await until("the new file", () => statSync(path, { throwIfNoEntry: false }) !== undefined);
  lines.write("after");
  lines.close();
  await files.settled();
  assert.equal(readFileSync(join(at, "a.log.1"), "utf8"), "before\n");
  assert.equal(readFileSync(path, "utf8"), "after\n");
});

test("a file that cannot be opened again is told of, and the lines go on to the old one", async (t) => {
  const at = await folder(t);
  const below = join(at, "logs");
  execFileSync("mkdir", [below]);
  const told: string[] = [];
  const files = new LineFiles((line) => told.push(line));
  const lines = files.open(join(below, "a.log"));
  renameSync(below, join(at, "moved"));
  files.reopen();
  lines.write("kept");
  lines.close();
  await files.settled();
  assert.match(told.join(), /a\.log cannot be opened \(ENOENT\): make its folder; lines still go/);
  assert.equal(readFileSync(join(at, "moved", "a.log"), "utf8"), "kept\n");
});

test("a log that cannot be written is refused with what to do", async (t) => {
  const path = join(await folder(t), "none", "a.log");
  assert.throws(() => new LineFiles().open(path), /cannot be opened \(ENOENT\): make its folder/);
});

test("a log that nobody takes is bounded: lines are dropped, counted and told of, and what leaves is whole", async (t) => {
  const path = join(await folder(t), "fifo");
  execFileSync("mkfifo", [path]);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(descriptor));
  const told: string[] = [];
  const file = new LineFile(path, descriptor, true, (line) => told.push(line));
  const line = `${"y".repeat(999)}.`;
  const written = 20_000;
  for (let i = 0; i < written; i++) file.write(line);
  assert.ok(file.dropped > 10_000 && file.dropped < 13_000, `${file.dropped} dropped`);
  assert.match(told.join(), /could not be written \(it is too slow\)/);

  let text = "";
  const buffer = Buffer.alloc(65_536);
  const closed = file.close();
  const take = (): void => {
    try {
      text += buffer.toString("latin1", 0, readSync(descriptor, buffer));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    }
  };
  const over = closed.then(() => true);
  while (!(await Promise.race([over, setTimeout(1, false)]))) for (let i = 0; i < 8; i++) take();
  for (let i = 0; i < 64; i++) take();
  const lines = text.split("\n");
  assert.equal(lines.pop(), "");
  assert.ok(
    lines.every((one) => one === line),
    "every line is whole",
  );
  assert.ok(lines.length > 0 && lines.length <= written - file.dropped, `${lines.length} lines`);
});
