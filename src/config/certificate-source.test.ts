import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { defineCertificateSource } from "./certificate-source.ts";
import { checkConfig, type LoadedConfig, readConfig } from "./load.ts";
import { ConfigError, problemLine } from "./problem.ts";
import { masked } from "./secrets.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const { folder } = authority;
const shop = authority.issue({ names: ["DNS:shop.example"] });
const other = authority.issue({ names: ["DNS:other.example"] });
const expired = authority.issue({ names: ["DNS:old.example"], from: -9, to: -2 });

function configOf(...certificates: object[]): object {
  return {
    listeners: [{ name: "secure", address: "127.0.0.1:0", tls: { certificates } }],
    routes: [{ name: "all", policies: [{ respond: { body: "hello" } }] }],
  };
}

let files = 0;

/** The path of a source of this code. */
function sourceOf(code: string): string {
  const name = `source-${++files}.ts`;
  writeFileSync(join(folder, name), code);
  return `./${name}`;
}

function read(...certificates: object[]): Promise<LoadedConfig> {
  const file = join(folder, "torana.json");
  writeFileSync(file, JSON.stringify(configOf(...certificates)));
  return readConfig(file);
}

async function problemOf(certificate: object): Promise<string> {
  const error = await read(certificate).then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError);
  assert.equal(error.problems.length, 1, error.message);
  return problemLine(error.problems[0]!).slice(folder.length + 1);
}

const GIVES = `
import { readFileSync } from "node:fs";
import { defineCertificateSource, z } from "torana";

export const source = defineCertificateSource({
  options: z.strictObject({ cert: z.string(), key: z.string(), token: z.string().default("none") }),
  async read({ cert, key }, { hosts, signal }) {
    signal.throwIfAborted();
    if (hosts.join() !== "" && hosts.join() !== "given.example") throw new Error(\`asked for \${hosts}\`);
    return { cert: readFileSync(cert, "latin1"), key: readFileSync(key, "latin1"), refreshAfter: 90_000 };
  },
});
`;
const gives = sourceOf(GIVES);

test("a source gives a certificate and its key, as files would", async () => {
  const { config, files, again } = await read({
    source: gives,
    options: { cert: shop.cert, key: shop.key },
  });
  const [certificate] = config.listeners[0]!.tls!.certificates;
  assert.equal(certificate?.cert, shop.certText);
  assert.equal(certificate?.key, shop.keyText);
  assert.deepEqual(certificate?.hosts, ["shop.example"]);
  assert.equal(certificate?.about?.label, "shop.example");
  assert.ok(!("source" in certificate) && !("options" in certificate));
  assert.ok(files.includes(join(folder, gives)));
  assert.equal(again, 90_000);
});

test("it is told its hosts, which hold in place of those of the certificate", async () => {
  const options = { cert: shop.cert, key: shop.key };
  const { config } = await read({ source: gives, options, hosts: ["given.example"] });
  assert.deepEqual(config.listeners[0]!.tls!.certificates[0]!.hosts, ["given.example"]);
});

test("its key is shown nowhere, nor what it is told by the environment", async () => {
  process.env["TEST_SOURCE_TOKEN"] = "s.verysecret";
  const options = { cert: shop.cert, key: shop.key, token: "${env:TEST_SOURCE_TOKEN}" };
  const { config, secrets } = await read({ source: gives, options });
  const shown = JSON.stringify(masked(config, secrets));
  assert.ok(!shown.includes(shop.keyText.split("\n")[1]!));
  assert.ok(!shown.includes("verysecret"));
});

test("without a word on that it is asked again after an hour, or sooner where the certificate ends before", async () => {
  const bare = sourceOf(`
    import { readFileSync } from "node:fs";
    export const source = {
      read: ({ cert, key }) => ({ cert: readFileSync(cert, "latin1"), key: readFileSync(key, "latin1") }),
    };`);
  const long = await read({ source: bare, options: { cert: shop.cert, key: shop.key } });
  assert.equal(long.again, 3_600_000);
  const soon = authority.issue({ names: ["DNS:soon.example"], to: 1 / 48 });
  const short = await read({ source: bare, options: { cert: soon.cert, key: soon.key } });
  assert.ok(short.again! > 1_000_000 && short.again! <= 1_200_000, `${short.again}`);
});

const object = (body: string): string => sourceOf(`export const source = { read() { ${body} } };`);

const refused: readonly (readonly [what: string, certificate: object, said: RegExp])[] = [
  [
    "a file that is missing",
    { source: "./gone.ts" },
    /\.source: the source \.\/gone\.ts cannot be read \(ENOENT\); make it/,
  ],
  ["what is no path", { source: "vault" }, /\.source: not a source; write the path of a file/],
  [
    "a file without a source",
    { source: sourceOf("export const other = 1;") },
    /source-\d+\.ts exports no source; write: export const source = defineCertificateSource/,
  ],
  [
    "a file with two",
    { source: sourceOf("const a = { read() {} }; export { a }; export const b = { read() {} };") },
    /exports 2 sources/,
  ],
  [
    "a source that fails",
    {
      source: sourceOf(
        'export const source = {\n  async read() {\n    throw new Error("it is sealed");\n  },\n};',
      ),
    },
    /\.source: the source \.\/source-\d+\.ts cannot be run: it is sealed \(line 3\); correct the code/,
  ],
  [
    "options that it does not take",
    { source: gives, options: { cert: 1, key: "k" } },
    /source-1\.ts does not take its options\.cert: .*; correct the options/,
  ],
  ["nothing", { source: object("") }, /gave no certificate; give \{ cert, key \} as PEM text/],
  [
    "a path",
    { source: object(`return { cert: "/etc/passwd", key: "/etc/passwd" }`) },
    /gave no PEM text as cert/,
  ],
  [
    "a function",
    { source: object("return { cert() {}, key: 1 }") },
    /gave what is not plain data: .*; give \{ cert, key \}/,
  ],
  [
    "a time that is none",
    {
      source: object(
        `const text = "-----BEGIN X-----"; return { cert: text, key: text, refreshAfter: "1h" }`,
      ),
    },
    /gave no time as refreshAfter/,
  ],
  [
    "another's key",
    { source: gives, options: { cert: shop.cert, key: other.key } },
    /\.key: what \.\/source-1\.ts gives as key does not belong to the certificate/,
  ],
  [
    "an expired certificate",
    { source: gives, options: { cert: expired.cert, key: expired.key } },
    /\.cert: what \.\/source-1\.ts gives as cert has expired/,
  ],
];

for (const [what, certificate, said] of refused)
  test(`refuses ${what}`, async () => assert.match(await problemOf(certificate), said));

test("one that fails is asked again after a minute", async () => {
  await assert.rejects(read({ source: object("throw new Error()") }), (error: ConfigError) => {
    assert.equal(error.again, 60_000);
    assert.ok(error.files?.some((file) => file.includes("source-")));
    return true;
  });
});

for (const [what, cert, key] of [
  ["has expired", expired.cert, expired.key],
  ["does not fit", shop.cert, other.key],
])
  test(`one that gives what ${what} has failed as well: it is asked again after a minute`, async () => {
    const given = read({ source: gives, options: { cert, key } });
    await assert.rejects(given, (error: ConfigError) => error.again === 60_000);
  });

test("of many not all are asked at once: their threads would keep one another from being in time", async () => {
  const asked = mkdtempSync(join(folder, "asked-"));
  const source = sourceOf(`
    import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
    export const source = {
      async read({ cert, key, mine }) {
        mkdirSync(mine);
        await new Promise((go) => setTimeout(go, 500));
        const at = readdirSync(${JSON.stringify(asked)}).length;
        rmdirSync(mine);
        if (at > 8) throw new Error(\`\${at} are asked\`);
        return { cert: readFileSync(cert, "latin1"), key: readFileSync(key, "latin1") };
      },
    };`);
  const certificates = Array.from({ length: 12 }, (_, i) => ({
    source,
    options: { cert: shop.cert, key: shop.key, mine: join(asked, String(i)) },
    hosts: [`${i}.example`],
  }));
  const { config } = await read(...certificates);
  assert.deepEqual(
    config.listeners[0]!.tls!.certificates.map(({ hosts }) => hosts),
    certificates.map(({ hosts }) => hosts),
  );
});

test("a config that is no file asks nobody", () => {
  assert.throws(
    () => checkConfig(configOf({ source: gives })),
    /\.source: cannot be asked here; read the config/,
  );
});

test("what is no source cannot be declared", () => {
  assert.throws(() => defineCertificateSource({} as never), /a source needs a function/);
});
