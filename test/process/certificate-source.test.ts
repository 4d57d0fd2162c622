import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Made, TestAuthority } from "../support/certificates.ts";
import { ProcessStage } from "../support/process.ts";
import { askTls } from "../support/tls.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const ca = authority.certText;
const first = authority.issue({ names: ["DNS:shop.example"] });
const second = authority.issue({ names: ["DNS:shop.example"] });

/** Reads what a store holds, which the gateway does not watch. */
const SOURCE = `
import { readFileSync } from "node:fs";
import { defineCertificateSource, z } from "torana";

export const source = defineCertificateSource({
  options: z.strictObject({ store: z.string() }),
  async read({ store }) {
    const { cert, key } = JSON.parse(readFileSync(store, "utf8"));
    if (cert === undefined) throw new Error("the store is sealed");
    return { cert, key, refreshAfter: 1_000 };
  },
});
`;

const stored = ({ certText: cert, keyText: key }: Made): string => JSON.stringify({ cert, key });

async function serial(port: number): Promise<string> {
  return (await askTls(port, { ca, servername: "shop.example" })).certificate.serialNumber;
}

function serialOf({ certText }: Made): string {
  return new X509Certificate(certText).serialNumber;
}

test("a source is asked again in its time; what it gives is served, and while it fails what it gave before", async () => {
  await using stage = new ProcessStage();
  stage.add("vault.ts", SOURCE);
  const store = stage.add("store", stored(first));
  stage.write({
    workers: 2,
    listeners: [
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: { certificates: [{ source: "./vault.ts", options: { store } }] },
      },
    ],
    routes: [{ name: "all", policies: [{ respond: { body: "hello" } }] }],
  });
  const { process, port } = await stage.run();
  assert.equal(await serial(port), serialOf(first));
  stage.add("store", stored(second));
  await process.says(/reload \(a source of certificates is asked again\): generation 2 serves/);
  assert.equal(await serial(port), serialOf(second));
  stage.add("store", "{}");
  await process.says(
    /stays in force\n.*\[0\]\.source: the source \.\/vault\.ts cannot be run: the store is sealed \(line \d+\)/,
  );
  assert.equal(await serial(port), serialOf(second));
  process.forget();
  stage.add("store", stored(first));
  stage.add("vault.ts", `${SOURCE}// mended\n`);
  await process.says(/reload \(a file changed\): generation 3 serves/);
  assert.equal(await serial(port), serialOf(first));
  for (const { keyText } of [first, second]) assert.ok(!process.output.includes(keyText.split("\n")[1]!));
});

test("a source that fails at the start keeps the process from starting", async () => {
  await using stage = new ProcessStage();
  stage.add("vault.ts", SOURCE);
  const store = join(stage.folder, "gone");
  stage.write({
    listeners: [
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: { certificates: [{ source: "./vault.ts", options: { store } }] },
      },
    ],
    routes: [{ name: "all", policies: [{ respond: {} }] }],
  });
  const process = stage.start("run", stage.file);
  await process.says(/torana\.json:\d+:\d+: .*\.source: the source \.\/vault\.ts .*ENOENT/);
  assert.notEqual(await process.exit, 0);
});
