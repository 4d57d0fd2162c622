import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { z } from "zod";
import { readConfig } from "../config/load.ts";
import type { ConfigError } from "../config/problem.ts";
import { masked, secretsOf } from "../config/secrets.ts";
import { defineAuthenticator } from "../pipeline/authenticator.ts";
import { loadCatalog, namesIn } from "./catalog.ts";
import { checkSnapshot } from "./check.ts";
import { compileSnapshot } from "./compile.ts";
import { Pools } from "./pools.ts";
import { RouteStates } from "./route-states.ts";
import { SlotNumbers } from "./slot-numbers.ts";

const seen: unknown[] = [];

/** Keeps the options that it gets. */
const probe = defineAuthenticator({
  name: "probe",
  options: z.strictObject({
    count: z.int().default(0),
    on: z.boolean().default(false),
    secret: z.string().meta({ secret: true }).default("unset"),
  }),
  compile: (options) => {
    seen.push(options);
    return { missing: "probe_missing", authenticate: () => undefined };
  },
  reasons: { probe_missing: { status: 401, source: "downstream", title: "No probe." } },
});

function written(t: TestContext, policies: string, more = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "torana-inner-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "torana.yaml");
  writeFileSync(
    file,
    [
      'listeners: [{ name: p, address: ":0" }]',
      "services: { main: { endpoints: [http://127.0.0.1:1] } }",
      "routes:",
      "  - name: all",
      "    service: main",
      "    policies:",
      ...policies.split("\n").map((line) => `      ${line}`),
      more,
    ].join("\n"),
  );
  return file;
}

test("text from the environment becomes a number or a boolean in a policy within a policy, at any depth", async (t) => {
  process.env["TORANA_TEST_COUNT"] = "7";
  process.env["TORANA_TEST_ON"] = "true";
  t.after(() => {
    delete process.env["TORANA_TEST_COUNT"];
    delete process.env["TORANA_TEST_ON"];
  });
  const file = written(
    t,
    `- any-of:
    methods:
      - probe: { count: "\${env:TORANA_TEST_COUNT}" }
      - all-of: { methods: [ { probe: { on: "\${env:TORANA_TEST_ON}", secret: inner secret } } ] }`,
  );
  const { config } = await readConfig(file);
  const catalog = await loadCatalog(config, new Map([["probe", probe]]), file);
  assert.deepEqual([...namesIn(config).keys()], ["any-of", "probe", "all-of"]);
  seen.length = 0;
  compileSnapshot(config, {
    pools: new Pools("data"),
    states: new RouteStates(),
    slots: new SlotNumbers(),
    meter: { record: () => undefined },
    sink: { failure: () => undefined },
    catalog,
  });
  assert.deepEqual(
    seen.map((one) => ({ ...(one as object) })),
    [
      { count: 7, on: false, secret: "unset", optional: false, keepCredential: false },
      { count: 0, on: true, secret: "inner secret", optional: false, keepCredential: false },
    ],
  );
  const shown = JSON.stringify(masked(config));
  assert.match(shown, /"secret":"\*\*\*"/);
  assert.doesNotMatch(shown, /inner secret/);
  assert.ok(secretsOf(config).texts.includes("inner secret"));
});

test("what is wrong within a policy is told at its line, in its words", async (t) => {
  const file = written(
    t,
    `- any-of:
    methods:
      - key-auth: {}
      - all-of:
          methods:
            - basic-auth: { realm: 7 }
      - ./missing.ts: {}
      - key-aut: {}`,
  );
  const { config, locate } = await readConfig(file);
  await assert.rejects(checkSnapshot(config, file, locate), (error: ConfigError) => {
    const [problem] = error.problems;
    assert.match(problem!.reason, /missing\.ts/);
    assert.equal(problem!.line, 13);
    return true;
  });
  const whole = written(
    t,
    `- any-of:
    methods:
      - all-of:
          methods:
            - basic-auth: { realm: 7 }`,
  );
  const other = await readConfig(whole);
  await assert.rejects(checkSnapshot(other.config, whole, other.locate), (error: ConfigError) => {
    const [problem, ...more] = error.problems;
    assert.deepEqual(
      [problem!.line, problem!.path, more.length],
      [11, "routes[0].policies[0].any-of.methods[0].all-of.methods[0].basic-auth.realm", 0],
    );
    return true;
  });
});

test("a secret option that is wrong is not quoted", async (t) => {
  const file = written(
    t,
    '- ./vault.ts: { secret: "plain secret", wrong: true }\n- ./vault.ts: { secret: 12345678 }',
  );
  writeFileSync(
    join(file, "../vault.ts"),
    `import { definePolicy, z } from "torana";
     export const vault = definePolicy({
       name: "vault",
       phase: "request",
       options: z.strictObject({ secret: z.string().min(30).meta({ secret: true }) }),
       compile: ({ secret }) => { throw new Error("cannot use " + secret); },
     });`,
  );
  const { config, locate } = await readConfig(file);
  await assert.rejects(checkSnapshot(config, file, locate), (error: ConfigError) => {
    assert.equal(error.problems.length, 3);
    assert.doesNotMatch(error.message, /plain secret|12345678/);
    return true;
  });
});
