import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { AcmeStorage } from "./storage.ts";

interface Folder extends Disposable {
  readonly path: string;
  config(more?: Partial<AcmeConfig>): AcmeConfig;
}

function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "torana-acme-"));
  return {
    path,
    config: (more = {}) => ({
      hosts: ["a.example"],
      email: undefined,
      directory: "https://ca.example/directory",
      storage: join(path, "storage"),
      challenge: "http-01",
      terms: true,
      binding: undefined,
      ...more,
    }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test("what is kept is read again, by this user only, and leaves nothing half written", async () => {
  using there = folder();
  const storage = new AcmeStorage(there.config());
  assert.equal(await storage.readCertificate(), undefined);
  await storage.keepCertificate("one");
  await storage.keepCertificate("two");
  assert.equal(await storage.readCertificate(), "two");
  assert.equal(statSync(storage.file).mode & 0o777, 0o600);
  assert.equal(statSync(join(there.path, "storage")).mode & 0o777, 0o700);
  assert.equal(readdirSync(join(there.path, "storage")).length, 1);
});

test("certificates of other hosts or another CA have files of their own; the order of hosts does not matter", () => {
  using there = folder();
  const file = (more?: Partial<AcmeConfig>): string => new AcmeStorage(there.config(more)).file;
  assert.notEqual(file({ hosts: ["a.example", "b.example"] }), file());
  assert.notEqual(file({ directory: "https://other.example/directory" }), file());
  const [one, two] = [
    ["a.example", "b.example", "c.example"],
    ["a.example", "c.example", "b.example"],
  ];
  assert.equal(file({ hosts: one! }), file({ hosts: two! }));
});

test("of two gateways that make an account at once, both use the first", async () => {
  using there = folder();
  const [one, two] = [new AcmeStorage(there.config()), new AcmeStorage(there.config())];
  const first = { key: "key 1", url: "https://ca.example/1" };
  const second = { key: "key 2", url: "https://ca.example/2" };
  assert.deepEqual(await one.keepAccount(first), first);
  assert.deepEqual(await two.keepAccount(second), first);
  assert.deepEqual(await two.readAccount(), first);
  await two.dropAccount();
  assert.equal(await one.readAccount(), undefined);
});

test("one gateway at a time holds the lock; one that nobody touches is taken over", async () => {
  using there = folder();
  const [one, two] = [new AcmeStorage(there.config()), new AcmeStorage(there.config())];
  const first = await one.lock();
  assert.ok(first !== undefined);
  assert.equal(await two.lock(), undefined);
  const long = new Date(Date.now() - 600_000);
  utimesSync(`${one.file}.lock`, long, long);
  const taken = await two.lock();
  assert.ok(taken !== undefined);
  await first.release(); // it is another's by now
  assert.equal(await one.lock(), undefined);
  await taken.release();
  const again = await one.lock();
  assert.ok(again !== undefined);
  await again.release();
});

test("who has lost the lock does not keep it alive for who holds it now", async () => {
  using there = folder();
  const [one, two] = [new AcmeStorage(there.config()), new AcmeStorage(there.config())];
  const file = `${one.file}.lock`;
  const long = new Date(Date.now() - 600_000);
  const first = await one.lock();
  assert.ok(first !== undefined);
  utimesSync(file, long, long);
  assert.equal(await first.touch(), true);
  assert.ok(statSync(file).mtimeMs > Date.now() - 60_000);
  utimesSync(file, long, long);
  const second = await two.lock();
  assert.ok(second !== undefined);
  utimesSync(file, long, long);
  assert.equal(await first.touch(), false);
  assert.equal(statSync(file).mtimeMs, long.getTime());
  await second.release();
  assert.equal(await second.touch(), false);
});

test("an answer to a challenge is there until it is ended; a token that is none is refused", async () => {
  using there = folder();
  const storage = new AcmeStorage(there.config());
  const token = "DGyRejmCefe7v4NfDGDKfA0123456789";
  const end = await storage.answer({ token, text: "said" });
  const file = join(there.path, "storage", "challenges", token);
  assert.equal(readFileSync(file, "utf8"), "said");
  await end();
  assert.deepEqual(readdirSync(join(there.path, "storage", "challenges")), []);
  await assert.rejects(storage.answer({ token: "../../../etc/passwd", text: "" }), /no valid token/);
});

test("where nothing can be written that is told, and leaves no file open: Node would end the process for it", () => {
  using there = folder();
  const script = `
    import { setTimeout as sleep } from "node:timers/promises";
    import { AcmeStorage } from ${JSON.stringify(new URL("storage.ts", import.meta.url).href)};
    const storage = new AcmeStorage(${JSON.stringify(there.config())});
    for (const act of [() => storage.keepCertificate("one"), () => storage.lock()])
      await act().then(() => console.log("kept"), ({ code }) => console.log(code));
    for (let i = 0; i < 5; i++) {
      gc();
      await sleep(10);
    }
    console.log("goes on");
  `;
  const { stdout, stderr } = spawnSync(
    "sh",
    [
      ...["-c", 'ulimit -f 0 && exec "$@"', "sh"],
      ...[process.execPath, "--expose-gc", "--input-type=module-typescript", "-e", script],
    ],
    { encoding: "utf8" },
  );
  assert.equal(stdout, "EFBIG\nEFBIG\ngoes on\n", stderr);
  assert.deepEqual(readdirSync(join(there.path, "storage")), []);
});
