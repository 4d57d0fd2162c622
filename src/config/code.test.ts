import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "torana-code-"));
});
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function messageOf(file: string): Promise<string> {
  try {
    await readConfig(file);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replaceAll(`${folder}/`, "");
  }
  return "";
}

suite("a config in TypeScript", () => {
  test("is computed, with types, from files of its own; also as a default export", async () => {
    write("ports.ts", "export const ports: readonly number[] = [9001, 9002];\n");
    for (const [name, ending] of [
      ["named.ts", "export const config = whole;"],
      ["default.ts", "export default whole;"],
    ] as const) {
      const file = write(
        name,
        `import { type ConfigInput, defineConfig } from "torana";
import { ports } from "./ports.ts";
const whole: ConfigInput = defineConfig({
  listeners: [{ name: "p", address: ":0" }],
  services: Object.fromEntries(ports.map((port) => [\`s\${port}\`, { endpoints: [\`http://127.0.0.1:\${port}\`] }])),
  routes: ports.map((port) => ({ name: \`r\${port}\`, service: \`s\${port}\` })),
});
${ending}
`,
      );
      const { config, files, warnings } = await readConfig(file);
      assert.deepEqual(Object.keys(config.services), ["s9001", "s9002"]);
      assert.deepEqual(
        config.routes.map(({ name }) => name),
        ["r9001", "r9002"],
      );
      assert.deepEqual(files.map((path) => path.slice(folder.length + 1)).sort(), [name, "ports.ts"].sort());
      assert.deepEqual(warnings, []);
    }
  });

  test("shows the line of a problem, where it is written as a literal", async () => {
    const file = write(
      "lines.ts",
      `export default {
  listeners: [
    // a comment, with { brackets
    { name: "p", address: ":0" },
    { "name": 'q', address: 5 },
  ],
  routes: [1, 2].map((n) => ({ name: \`r\${n}\` , service: "nope" })),
  wrokers: 3,
};
`,
    );
    const message = await messageOf(file);
    assert.match(message, /^lines\.ts:5:29: listeners\[1\]\.address: is 5, not an address/m);
    assert.match(message, /^lines\.ts:8:3: wrokers: is not known here; did you mean workers\?/m);
    assert.match(message, /^lines\.ts:7:11: routes\[0\]\.service: there is no service "nope"/m);
  });

  test("may not run without end", { timeout: 60_000 }, async () => {
    const message = await messageOf(write("endless.ts", "for (;;);\nexport const config = {};\n"));
    assert.equal(
      message,
      "endless.ts:1:1: ran for more than 10 s; let it only make data: nothing to wait for, no endless loop",
    );
  });
});

suite("a config file", () => {
  test("may begin with a byte order mark", async () => {
    const { config } = await readConfig(write("bom.yaml", '\uFEFFlisteners: [{ name: p, address: ":0" }]\n'));
    assert.equal(config.listeners[0]?.name, "p");
    assert.match(
      await messageOf(write("bom.json", '\uFEFF{ "listeners": [] }')),
      /^bom\.json:1:16: listeners: is an empty list/,
    );
  });

  test("is UTF-8 text of at most 32 MiB, in a plain file", async () => {
    assert.match(
      await messageOf(write("latin.yaml", Buffer.from("a: 1\nb: caf\xe9\n", "latin1"))),
      /^latin\.yaml:2:7: is not UTF-8 text; save/,
    );
    assert.match(
      await messageOf(write("big.yaml", new Uint8Array(33 * 1_048_576))),
      /^big\.yaml: is larger than 32 MiB; split/,
    );
    mkdirSync(join(folder, "folder.yaml"));
    assert.match(
      await messageOf(join(folder, "folder.yaml")),
      /^folder\.yaml: is a folder; name the config file in it/,
    );
    symlinkSync(join(folder, "loop.yaml"), join(folder, "loop.yaml"));
    assert.match(
      await messageOf(join(folder, "loop.yaml")),
      /^loop\.yaml: cannot be read \(ELOOP\); its symbolic links/,
    );
    assert.match(await messageOf("/dev/null"), /^\/dev\/null: is not a file; name a file/);
    assert.match(
      await messageOf(join(folder, "none.yaml")),
      /^none\.yaml: cannot be read \(ENOENT\); check the path/,
    );
  });

  test("in YAML means what YAML 1.2 says, and merges maps", async () => {
    const text = `base: &base { path: /a }
listeners: [{ name: on, address: ":0" }]
services: { "0777": { endpoints: ["http://a"] } }
routes:
  - { name: r, service: 0777, match: { <<: *base, host: a.example } }
`;
    const message = await messageOf(write("core.yaml", text));
    assert.match(message, /^core\.yaml:1:1: base: is not known here; remove it; known here: [^\n]*$/);
  });
});
