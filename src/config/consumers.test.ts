import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createKey, hashKey, writtenHash } from "../lib/api-key.ts";
import { ConsumerTable } from "../lib/consumer-table.ts";
import { checkConfig, readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { ConsumerMemory } from "./read-consumers.ts";
import { RouteMemory } from "./route-memory.ts";
import type { Config } from "./schema.ts";
import { masked } from "./secrets.ts";

const BASE = { listeners: [{ name: "p", address: "127.0.0.1:0" }] };
const PEM = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }) as string;
const PRIVATE = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;

function tableOf({ consumers }: Config): ConsumerTable {
  return new ConsumerTable(consumers!.memory);
}

function read(consumers: readonly object[]): ConsumerTable {
  return tableOf(checkConfig({ ...BASE, consumers }));
}

/** The lines of the problems that a config has. */
function problems(config: () => unknown): string[] {
  try {
    config();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

function refused(...consumers: readonly object[]): string[] {
  return problems(() => checkConfig({ ...BASE, consumers }));
}

function folder(t: TestContext): (name: string, text: string) => string {
  const path = mkdtempSync(join(tmpdir(), "torana-consumers-"));
  t.after(() => rmSync(path, { recursive: true }));
  return (name, text) => {
    writeFileSync(join(path, name), text);
    return join(path, name);
  };
}

test("each kind of credential is found by what requests show of it", () => {
  const key = createKey();
  const table = read([
    {
      name: "billing",
      groups: ["staff"],
      tags: ["eu"],
      metadata: { tier: "gold", limit: 5 },
      permissions: [{ methods: ["get"], paths: ["/orders/*"] }, {}],
      keys: [{ hash: writtenHash(key), notBefore: "2026-01-01", expires: "2027-01-31T12:00:00+02:00" }],
      basic: [{ username: "ann", hash: `$scrypt$ln=15,r=8,p=3$c2FsdHNhbHRzYWx0$${"A".repeat(43)}` }],
      hmac: [{ id: "h1", secret: "sixteen characters" }],
      signatures: [{ id: "s1", publicKey: PEM }],
      subjects: [{ issuer: "https://idp.example", subject: "42" }],
      certificates: [
        { fingerprint: `${"AB:".repeat(31)}AB` },
        { san: "DNS:A.Example" },
        { subject: "CN=a", expires: "2027-01-31" },
      ],
    },
  ]);
  const found = (kind: Parameters<ConsumerTable["find"]>[0], by: string): unknown[] => {
    const { id, notBefore, expires, proof } = table.credential(table.find(kind, by));
    return [id, notBefore, expires, proof];
  };
  const always = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  assert.deepEqual(found("key", hashKey(key)), [
    "billing/key/1",
    Date.UTC(2026, 0, 1),
    Date.UTC(2027, 0, 31, 10),
    "",
  ]);
  assert.deepEqual(found("basic", "ann"), [
    "ann",
    ...always,
    `$scrypt$ln=15,r=8,p=3$c2FsdHNhbHRzYWx0$${"A".repeat(43)}`,
  ]);
  assert.deepEqual(found("hmac", "h1"), ["h1", ...always, "sixteen characters"]);
  assert.deepEqual(found("signature", "s1"), ["s1", ...always, PEM]);
  assert.deepEqual(found("subject", "https://idp.example\u000042"), ["billing/subject/1", ...always, ""]);
  assert.equal(found("certificate", `sha256:${"ab".repeat(32)}`)[0], "billing/certificate/1");
  assert.equal(found("certificate", "san:DNS:a.example")[0], "billing/certificate/2");
  assert.equal(found("certificate", "subject:CN=a")[2], Date.UTC(2027, 0, 31));
  assert.deepEqual(JSON.parse(table.consumer(table.find("name", "billing")).about), {
    groups: ["staff"],
    tags: ["eu"],
    metadata: { tier: "gold", limit: 5 },
    permissions: [
      { methods: ["GET"], paths: ["/orders/*"] },
      { methods: [], paths: [] },
    ],
  });
});

test("a public key is the same as PEM and as a JWK", () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const table = read([
    {
      name: "a",
      signatures: [
        { id: "pem", publicKey: publicKey.export({ type: "spki", format: "pem" }) },
        { id: "jwk", publicKey: publicKey.export({ format: "jwk" }) },
      ],
    },
  ]);
  const proof = (id: string): string => table.credential(table.find("signature", id)).proof;
  assert.equal(proof("jwk"), proof("pem"));
});

const MALFORMED: readonly (readonly [string, object, RegExp])[] = [
  ["a name with blanks", { name: "a b" }, /consumers\[0\]\.name: not a name/],
  ["no name", {}, /consumers\[0\]\.name: is missing/],
  ["an unknown key", { name: "a", key: [] }, /consumers\[0\]\.key: is not known here; did you mean keys\?/],
  [
    "a plain key",
    { name: "a", keys: [{ hash: "PLAIN-SECRET" }] },
    /keys\[0\]\.hash: not the hash of a key; make it with torana key hash/,
  ],
  [
    "a key that is a number",
    { name: "a", keys: [{ hash: 4711_4711 }] },
    /keys\[0\]\.hash: not the hash of a key/,
  ],
  [
    "a plain password",
    { name: "a", basic: [{ username: "a", hash: "PLAIN-SECRET" }] },
    /basic\[0\]\.hash: not the hash of a password; make it with torana password hash/,
  ],
  [
    "a user with a colon",
    {
      name: "a",
      basic: [{ username: "a:b", hash: `$scrypt$ln=15,r=8,p=3$c2FsdHNhbHRzYWx0$${"A".repeat(43)}` }],
    },
    /holds a colon/,
  ],
  ["a short secret", { name: "a", hmac: [{ id: "a", secret: "SHORTSECRET" }] }, /shorter than 16 characters/],
  ["a private key", { name: "a", signatures: [{ id: "a", publicKey: PRIVATE }] }, /not a public key/],
  ["no key at all", { name: "a", signatures: [{ id: "a", publicKey: { kty: "OKP" } }] }, /not a public key/],
  [
    "a day that is none",
    { name: "a", keys: [{ hash: writtenHash("a"), expires: "2026-02-30" }] },
    /expires: not a date or a time; write 2027-01-31/,
  ],
  [
    "a time without a zone",
    { name: "a", keys: [{ hash: writtenHash("a"), expires: "2026-02-03T10:00:00" }] },
    /not a date or a time/,
  ],
  [
    "two conditions of a certificate",
    { name: "a", certificates: [{ san: "DNS:a", subject: "CN=a" }] },
    /not exactly one of fingerprint, san and subject/,
  ],
  [
    "no condition of a certificate",
    { name: "a", certificates: [{ expires: "2026-01-01" }] },
    /not exactly one of fingerprint, san and subject/,
  ],
  [
    "a name without its kind",
    { name: "a", certificates: [{ san: "a.example" }] },
    /not an alternative name; write DNS:/,
  ],
  ["a short fingerprint", { name: "a", certificates: [{ fingerprint: "ab" }] }, /not a fingerprint/],
  ["a relative path", { name: "a", permissions: [{ paths: ["orders"] }] }, /not a path; begin it with \//],
];

for (const [what, consumer, message] of MALFORMED)
  test(`${what} is refused with its place and a cure, in the config and in a file, and no secret is shown`, async (t) => {
    const [line, ...more] = refused(consumer);
    assert.match(line!, message);
    assert.deepEqual(more, []);
    const add = folder(t);
    add("c.jsonl", `{"name":"first"}\n\n${JSON.stringify(consumer)}\n{"name":"last"}\n`);
    const config = add("torana.json", JSON.stringify({ ...BASE, consumerFiles: ["c.jsonl"] }));
    await assert.rejects(readConfig(config), (error: ConfigError) => {
      const [found, ...others] = error.problems;
      assert.deepEqual([found!.file, found!.line, others.length], ["c.jsonl", 3, 0]);
      assert.match(`consumers[0].${error.message.split(": ").slice(1).join(": ")}`, message);
      for (const said of [line!, error.message])
        assert.doesNotMatch(said, /PLAIN-SECRET|SHORTSECRET|47114711|PRIVATE/);
      return true;
    });
  });

test("what stands twice is refused, wherever it stands", async (t) => {
  const hash = writtenHash("a");
  assert.match(
    refused({ name: "a" }, { name: "a" })[0]!,
    /consumers\[1\]: has the same name as consumers\[0\] of config; leave it at one/,
  );
  assert.match(
    refused({ name: "a", keys: [{ hash }] }, { name: "b", keys: [{ hash }] })[0]!,
    /has the same key as consumers\[0\]/,
  );
  assert.match(refused({ name: "a", keys: [{ hash }, { hash }] })[0]!, /has the same key/);
  const ids = [
    { id: "x", hash },
    { id: "x", hash: writtenHash("b") },
  ];
  assert.match(refused({ name: "a", keys: ids })[0]!, /another key has the id "x"/);
  const subjects = [{ issuer: "i", subject: "s" }];
  assert.match(refused({ name: "a", subjects }, { name: "b", subjects })[0]!, /same issuer and subject/);
  const add = folder(t);
  add("one.jsonl", '{"name":"a"}\n{"name":"b"}');
  add("two.jsonl", '\n{"name":"b"}\n{"name":"inline"}');
  const file = add(
    "torana.json",
    JSON.stringify({ ...BASE, consumers: [{ name: "inline" }], consumerFiles: ["one.jsonl", "two.jsonl"] }),
  );
  const said = await readConfig(file).then(
    () => [],
    (error: ConfigError) => error.problems.map(({ file, line, reason }) => `${file}:${line} ${reason}`),
  );
  assert.deepEqual(said, [
    "two.jsonl:2 has the same name as line 2 of one.jsonl",
    `two.jsonl:3 has the same name as consumers[0] of ${file}`,
  ]);
});

test("files may be large, have Windows' line ends and no line at the end; bad ones are told line by line up to a bound", async (t) => {
  const add = folder(t);
  const names = Array.from({ length: 30_000 }, (_, i) => `consumer-${i}-${"x".repeat(i % 100)}`);
  add("c.jsonl", `\uFEFF${names.map((name) => JSON.stringify({ name })).join("\r\n")}`);
  const file = add("torana.json", JSON.stringify({ ...BASE, consumerFiles: ["c.jsonl"] }));
  const { config, files } = await readConfig(file);
  const table = tableOf(config);
  assert.ok(files.some((path) => path.endsWith("c.jsonl")));
  assert.equal(config.consumers!.size, names.length);
  for (const name of names) assert.notEqual(table.find("name", name), 0);
  const bad = [
    "not json {SECRET",
    "[]",
    '"text"',
    `{"name":"${"y".repeat(1_100_000)}"}`,
    ...Array.from({ length: 50 }, () => "{"),
  ];
  writeFileSync(
    join(file, "../c.jsonl"),
    Buffer.concat([Buffer.from(`${bad.join("\n")}\n`), Buffer.from([0xff, 0x0a])]),
  );
  await assert.rejects(readConfig(file), ({ problems: found, message }: ConfigError) => {
    assert.deepEqual(
      found.slice(0, 4).map(({ line, reason }) => [line, reason]),
      [
        [1, "is not JSON"],
        [2, "is not a map"],
        [3, "is not a map"],
        [4, "is longer than 1 MiB"],
      ],
    );
    assert.deepEqual([found.length, found.at(-1)!.reason], [21, "has 35 further problems"]);
    assert.doesNotMatch(message, /SECRET/);
    return true;
  });
});

test("a file that is not there is a problem of the config, and watched", async (t) => {
  const add = folder(t);
  const file = add("torana.json", JSON.stringify({ ...BASE, consumerFiles: ["missing.jsonl", "."] }));
  await assert.rejects(readConfig(file), (error: ConfigError) => {
    assert.match(error.message, /consumerFiles\[0\]: the file missing\.jsonl cannot be read \(ENOENT\)/);
    assert.match(error.message, /consumerFiles\[1\]: \. is not a file/);
    assert.ok(error.files!.some((path) => path.endsWith("missing.jsonl")));
    return true;
  });
});

test("a table is made anew only when what it is made of changes, and has another fingerprint then", async (t) => {
  const add = folder(t);
  const path = add("c.jsonl", '{"name":"a"}\n');
  const file = add("torana.json", JSON.stringify({ ...BASE, consumerFiles: ["c.jsonl"] }));
  const memory = new RouteMemory();
  const hasty = Object.assign(new RouteMemory(), { consumers: new ConsumerMemory(0) });
  const load = async (by = memory) => (await readConfig(file, by)).config.consumers!;
  const first = await load();
  const again = await load();
  assert.notEqual(again.memory, first.memory, "a file that is just written may be written again unseen");
  assert.equal(again.fingerprint, first.fingerprint);
  const kept = await load(hasty);
  assert.equal((await load(hasty)).memory, kept.memory);
  writeFileSync(path, '{"name":"longer"}\n');
  const changed = await load(hasty);
  assert.notEqual(changed.fingerprint, first.fingerprint);
  assert.notEqual(new ConsumerTable(changed.memory).find("name", "longer"), 0);
});

test("a config is shown with the number and the names of its consumers, nothing else", (t) => {
  process.env["TORANA_TEST_HMAC"] = "of the environment";
  t.after(() => delete process.env["TORANA_TEST_HMAC"]);
  const secret = "a secret of many characters";
  const config = checkConfig({
    ...BASE,
    consumers: [
      {
        name: "a",
        keys: [{ id: "k", hash: writtenHash("a") }],
        hmac: [
          { id: "h", secret },
          { id: "i", secret: "${env:TORANA_TEST_HMAC}" },
        ],
      },
    ],
  });
  const shown = masked(config) as Config;
  assert.deepEqual(shown.consumers, { size: 1, names: ["a"] });
  assert.doesNotMatch(JSON.stringify(config), /sha256|secret of|of the environment/);
  assert.equal("consumerFiles" in config, false);
});

test("a config without consumers has none", () => {
  assert.equal(checkConfig(BASE).consumers, undefined);
});
