import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FileWatch } from "./watch.ts";

interface Stand {
  readonly folder: string;
  /** Watches the files, does it, and waits until a change is told. */
  seen(files: readonly string[], change: () => void): Promise<void>;
}

function stand(context: TestContext): Stand {
  const folder = mkdtempSync(join(tmpdir(), "torana-watch-"));
  let told = (): void => undefined;
  const watch = new FileWatch(() => told());
  context.after(() => {
    watch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  // The watch itself keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  context.after(() => clearInterval(alive));
  return {
    folder,
    async seen(files, change) {
      watch.set(files);
      const { promise, resolve } = Promise.withResolvers<void>();
      told = resolve;
      change();
      await promise;
    },
  };
}

const LIMIT = { timeout: 15_000 };

test("a file that is written, replaced, removed and made again", LIMIT, async (context) => {
  const { folder, seen } = stand(context);
  const file = join(folder, "a.yaml");
  writeFileSync(file, "1");
  await seen([file], () => writeFileSync(file, "2"));
  writeFileSync(join(folder, "new"), "3");
  await seen([file], () => renameSync(join(folder, "new"), file));
  await seen([file], () => rmSync(file));
  await seen([file], () => writeFileSync(file, "4"));
  assert.ok(true, "each was seen");
});

test("the link that Kubernetes swaps", LIMIT, async (context) => {
  const { folder, seen } = stand(context);
  const file = join(folder, "a.yaml");
  for (const version of ["..1", "..2", "..3"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "a.yaml"), version);
  }
  symlinkSync("..1", join(folder, "..data"));
  symlinkSync("..data/a.yaml", file);
  for (const version of ["..2", "..3"])
    await seen([file], () => {
      symlinkSync(version, join(folder, "next"));
      renameSync(join(folder, "next"), join(folder, "..data"));
    });
  assert.ok(true, "each was seen");
});

test("a folder on the way that is a link, and what is written behind it", LIMIT, async (context) => {
  const { folder, seen } = stand(context);
  const file = join(folder, "current", "a.yaml");
  for (const release of ["one", "two"]) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, "a.yaml"), release);
  }
  symlinkSync("one", join(folder, "current"));
  await seen([file], () => writeFileSync(join(folder, "one", "a.yaml"), "new"));
  await seen([file], () => {
    symlinkSync("two", join(folder, "next"));
    renameSync(join(folder, "next"), join(folder, "current"));
  });
  await seen([file], () => writeFileSync(join(folder, "two", "a.yaml"), "new"));
  assert.ok(true, "each was seen");
});

test("a folder that is removed and made again, step by step", LIMIT, async (context) => {
  const { folder, seen } = stand(context);
  const file = join(folder, "x", "y", "a.yaml");
  mkdirSync(join(folder, "x", "y"), { recursive: true });
  writeFileSync(file, "1");
  await seen([file], () => rmSync(join(folder, "x"), { recursive: true }));
  await seen([file], () => mkdirSync(join(folder, "x")));
  await seen([file], () => mkdirSync(join(folder, "x", "y")));
  await seen([file], () => writeFileSync(file, "2"));
  assert.ok(true, "each was seen");
});
