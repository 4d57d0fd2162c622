import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { checkConfig, readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { hideSecrets, masked, secretsOf } from "./secrets.ts";

const VARIABLES = {
  T_HOST: "Secret-Host.example",
  T_WORKERS: "3",
  T_BOOL: "true",
  T_KEY: "s3cr3t-key",
  T_EMPTY: "",
};

const BASE = {
  listeners: [{ name: "p", address: ":0" }],
  services: { s: { endpoints: ["http://a.example"] } },
};

function route(more: object): object {
  return { ...BASE, routes: [{ name: "r", service: "s", ...more }] };
}

function messageOf(value: unknown): string {
  try {
    checkConfig(value);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "";
}

suite("values from the environment and from files", () => {
  let folder = "";
  before(() => {
    Object.assign(process.env, VARIABLES);
    folder = mkdtempSync(join(tmpdir(), "torana-secrets-"));
  });
  after(() => {
    for (const name of Object.keys(VARIABLES)) delete process.env[name];
    rmSync(folder, { recursive: true });
  });

  test("stand where text, numbers and booleans are wanted", () => {
    const config = checkConfig({
      ...route({
        match: { headers: { "x-key": "a ${env:T_KEY} b ${env:T_WORKERS}" } },
        policies: [{ x: { n: "${env:T_WORKERS}" } }],
      }),
      workers: "${env:T_WORKERS}",
      listeners: [{ name: "p", address: "127.0.0.1:${env:T_NONE:-0}", proxyProtocol: "${env:T_BOOL}" }],
    });
    assert.equal(config.workers, 3);
    assert.equal(config.listeners[0]?.proxyProtocol, true);
    assert.equal(config.listeners[0]?.address.port, 0);
    assert.equal(config.routes[0]?.match[0]?.headers["x-key"], "a s3cr3t-key b 3");
    // The config knows nothing of a policy's options: whoever compiles it does.
    assert.deepEqual(config.routes[0]?.policies[0], { x: { n: "3" } });
  });

  test("are left alone where they are escaped, or are templates of another kind", () => {
    const config = checkConfig(
      route({ policies: [{ x: { a: "$${env:T_KEY}", b: "${request.id}", c: "$5 {x}" } }] }),
    );
    assert.deepEqual(config.routes[0]?.policies[0], {
      x: { a: "${env:T_KEY}", b: "${request.id}", c: "$5 {x}" },
    });
  });

  test("take the default where a variable is missing or empty; an empty one without default is empty text", () => {
    const config = checkConfig(
      route({
        policies: [{ x: ["${env:T_NONE:-a}", "${env:T_EMPTY:-b}", "<${env:T_EMPTY}>", "${env:T_NONE:-}"] }],
      }),
    );
    assert.deepEqual(config.routes[0]?.policies[0], { x: ["a", "b", "<>", ""] });
  });

  test("are not looked for in what they hold", () => {
    process.env["T_NESTED"] = "${env:T_KEY}";
    const config = checkConfig(route({ policies: [{ x: "${env:T_NESTED}" }] }));
    delete process.env["T_NESTED"];
    assert.deepEqual(config.routes[0]?.policies[0], { x: "${env:T_KEY}" });
  });

  test("that are missing or misspelt are problems", () => {
    assert.match(
      messageOf(route({ service: "${env:T_NONE}" })),
      /routes\[0\]\.service: the environment has no T_NONE; set it/,
    );
    assert.match(
      messageOf(route({ service: "${env:T-NONE}" })),
      /routes\[0\]\.service: does not name a variable/,
    );
    assert.match(messageOf(route({ service: "${file:}" })), /routes\[0\]\.service: does not name a file/);
    assert.match(messageOf(route({ service: "${file:/nowhere/at/all}" })), /cannot be read \(ENOENT\)/);
    assert.match(messageOf(route({ service: `\${file:${folder}}` })), /is not a plain file/);
  });

  test("are never quoted by problems", () => {
    for (const message of [
      messageOf(route({ service: "${env:T_KEY}" })),
      messageOf({ ...route({}), workers: "${env:T_KEY}" }),
      messageOf(route({ listeners: ["x-${env:T_KEY}"] })),
      messageOf(route({ match: { path: "${env:T_KEY}" }, rewrite: { path: "/{${env:T_HOST}}" } })),
    ]) {
      assert.notEqual(message, "");
      assert.doesNotMatch(message, /s3cr3t|secret-host/i);
    }
  });

  test("are masked in every dump", () => {
    const config = checkConfig({
      ...BASE,
      workers: "${env:T_WORKERS}",
      services: { s: { endpoints: ["http://${env:T_HOST}:81"] } },
      routes: [
        {
          name: "r",
          service: "s",
          timeout: "${env:T_WORKERS}s",
          match: { host: "${env:T_HOST}", headers: { "x-key": "${env:T_KEY}" } },
          policies: [{ x: { token: "Bearer ${env:T_KEY}", n: 3 } }],
        },
        { name: "q", service: "s" },
      ],
    });
    const text = JSON.stringify(masked(config));
    assert.doesNotMatch(text, /s3cr3t|secret-host/i);
    const shown = masked(config) as typeof config;
    assert.equal(shown.workers, "***");
    assert.deepEqual(shown.routes[0]?.policies, [{ x: { token: "***", n: 3 } }]);
    assert.equal(shown.routes[0]?.timeout, "***");
    assert.equal(shown.routes[0]?.match[0]?.headers["x-key"], "***");
    assert.equal(shown.routes[0]?.split[0]?.service, "s");
    assert.deepEqual(shown.routes[1], config.routes[1]);
    assert.equal(config.workers, 3);
    assert.equal(hideSecrets("the key s3cr3t-key, twice", secretsOf(config)), "the key ***, twice");
  });

  test("come from files beside the config, without the last line break", async () => {
    writeFileSync(join(folder, "key.txt"), "from-file\n");
    writeFileSync(
      join(folder, "torana.yaml"),
      'listeners: [{ name: p, address: ":0" }]\npolicies:\n  - x: { key: "<${file:key.txt}>" }\n',
    );
    const { config, files, secrets } = await readConfig(join(folder, "torana.yaml"));
    assert.deepEqual(config.policies, [{ x: { key: "<from-file>" } }]);
    assert.deepEqual(files, [join(folder, "torana.yaml"), join(folder, "key.txt")]);
    assert.deepEqual(secrets.texts, ["<from-file>", "from-file"]);
    assert.doesNotMatch(JSON.stringify(masked(config)), /from-file/);
  });

  test("may not be read by an included file from outside of the main config's folder", async () => {
    mkdirSync(join(folder, "in"));
    writeFileSync(join(folder, "outer.txt"), "outer-secret");
    symlinkSync(join(folder, "outer.txt"), join(folder, "in/link.txt"));
    writeFileSync(
      join(folder, "in/torana.yaml"),
      'listeners: [{ name: p, address: ":0" }]\nservices: { s: { endpoints: ["http://a"] } }\nroutes: [{ name: t, include: ./team.yaml }]\n',
    );
    for (const path of ["../outer.txt", "link.txt", join(folder, "outer.txt")]) {
      writeFileSync(
        join(folder, "in/team.yaml"),
        `routes:\n  - name: r\n    service: s\n    policies: [ { x: "\${file:${path}}" } ]\n`,
      );
      await assert.rejects(readConfig(join(folder, "in/torana.yaml")), (error: ConfigError) => {
        assert.match(
          error.message,
          /team\.yaml:4:22: routes\[0\]\.policies\[0\]\.x: the file .* lies outside/,
        );
        return true;
      });
    }
  });
});
