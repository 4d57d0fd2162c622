/** Policies of users' own, from files that change while the gateway serves. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { Gateway } from "../../src/supervisor/gateway.ts";
import { Client, type Response, request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { until, within } from "../support/wait.ts";

/** Stamps answers with a word of another file, and with its option. */
const STAMP = `
import { definePolicy, z } from "torana";
import { word } from "./lib/word.ts";

export const stamp = definePolicy({
  name: "stamp",
  phase: "forward",
  options: z.strictObject({ as: z.string().default("x-stamp") }),
  compile: ({ as }) => ({
    response(_x, reply) {
      reply.fields.set(as, word);
    },
  }),
});
`;
const WORD = (word: string): string => `export const word: string = ${JSON.stringify(word)};\n`;

class Stand {
  readonly folder: string = mkdtempSync(join(tmpdir(), "torana-user-"));
  readonly gateway: Gateway = new Gateway({});
  readonly #clients: Client[] = [];

  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  config(url: string, more: object = {}): void {
    const config = {
      listeners: [{ name: "test", address: "127.0.0.1:0" }],
      routes: [{ name: "all", service: "main", policies: [{ "./policies/stamp.ts": {} }] }],
      services: { main: { endpoints: [url] } },
      ...more,
    };
    this.write("torana.json", JSON.stringify(config));
  }

  async start(): Promise<void> {
    const file = join(this.folder, "torana.json");
    const config = await loadConfig(file);
    await this.gateway.start(config, await loadCatalog(config, undefined, file));
  }

  /** As a reload does it: read, prepare, commit. Rejects with what stands against it. */
  async reload(): Promise<void> {
    const file = join(this.folder, "torana.json");
    const config = await loadConfig(file);
    const catalog = await loadCatalog(config, undefined, file);
    this.gateway.commit(await this.gateway.prepare(config, catalog));
  }

  async connect(): Promise<Client> {
    const client = await Client.open(this.gateway.port());
    this.#clients.push(client);
    return client;
  }

  async ask(path = "/"): Promise<Response> {
    return (await this.connect()).ask(request(`GET ${path}`));
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#clients) socket.destroy();
    await within("the gateway to stop", this.gateway.stop(1_000));
    rmSync(this.folder, { recursive: true });
  }
}

/** A gateway with the policy in force, before a service that answers "served", at /slow when it is let. */
async function stand(
  t: TestContext,
  more: object = {},
): Promise<{ on: Stand; release: () => void; held: () => number }> {
  const waiting: (() => void)[] = [];
  const service = await startService((incoming, outgoing) => {
    if (incoming.url === "/slow") waiting.push(() => void outgoing.end("slow"));
    else outgoing.end("served");
  });
  const on = new Stand();
  t.after(async () => {
    await on.stop();
    await service.stop();
  });
  on.write("policies/stamp.ts", STAMP);
  on.write("policies/lib/word.ts", WORD("one"));
  on.config(service.url, more);
  await on.start();
  const release = (): void => {
    for (const answer of waiting.splice(0)) answer();
  };
  return { on, held: () => waiting.length, release };
}

test("new code serves what begins; what is in flight ends with the code that it began with", async (t) => {
  const { on, held, release } = await stand(t);
  const slow = await on.connect();
  const answer = slow.ask(request("GET /slow"));
  await until("the service to have the request", () => held() === 1);
  on.write(
    "policies/stamp.ts",
    STAMP.replace("reply.fields.set(as, word)", 'reply.fields.set(as, word + "!")'),
  );
  await on.reload();
  assert.equal((await on.ask()).field("x-stamp"), "one!");
  assert.equal(on.gateway.snapshots.draining, 1);
  release();
  assert.equal((await answer).field("x-stamp"), "one");
  await until("the old snapshot to be gone", () => on.gateway.snapshots.draining === 0);
  assert.equal(
    (await slow.ask(request("GET /"))).field("x-stamp"),
    "one!",
    "the same connection, a new exchange",
  );
});

test("a change of a file that a policy imports is a change of the policy", async (t) => {
  const { on } = await stand(t);
  assert.equal((await on.ask()).field("x-stamp"), "one");
  on.write("policies/lib/word.ts", WORD("two"));
  await on.reload();
  assert.equal((await on.ask()).field("x-stamp"), "two");
});

test("a broken file changes nothing, and the next good one serves", async (t) => {
  const { on } = await stand(t);
  for (const [broken, message] of [
    ["export const word = ;", /lib\/word\.ts:1:21: /],
    ['throw new Error("not today");', /not today|does not provide an export named 'word'/],
    ["export const other = 1;", /stamp\.ts:3:10: .*does not provide an export named 'word'/],
  ] as const) {
    on.write("policies/lib/word.ts", broken);
    await assert.rejects(on.reload(), { name: "ConfigError", message });
    assert.equal((await on.ask()).field("x-stamp"), "one");
  }
  on.write("policies/lib/word.ts", WORD("two"));
  await on.reload();
  assert.equal((await on.ask()).field("x-stamp"), "two");
});

test("one file on several routes is one policy with several options", async (t) => {
  const policies = (as: string): object => ({ policies: [{ "./policies/stamp.ts": { as } }] });
  const { on } = await stand(t, {
    policies: [{ "./policies/stamp.ts": { as: "x-all" } }],
    routes: [
      { name: "a", match: { path: "/a" }, service: "main", ...policies("x-a") },
      { name: "b", match: { path: "/b" }, service: "main", ...policies("x-b") },
    ],
  });
  for (const name of ["a", "b"]) {
    const reply = await on.ask(`/${name}`);
    const stamps = ["x-all", "x-a", "x-b"].filter((field) => reply.field(field) === "one");
    assert.deepEqual(stamps, ["x-all", `x-${name}`]);
  }
});

test("nothing is compiled again by a reload without a change", async (t) => {
  const { on } = await stand(t);
  const before = on.gateway.snapshots.current;
  await on.reload();
  const [old] = before.policies;
  const [now] = on.gateway.snapshots.current.policies;
  assert.notEqual(on.gateway.snapshots.current, before);
  assert.equal(now?.definition, old?.definition);
});

test("a policy may use a package that is installed beside it", async (t) => {
  const { on } = await stand(t);
  on.write("node_modules/loud/package.json", '{ "type": "module", "exports": "./index.js" }');
  on.write("node_modules/loud/index.js", "export const loud = (text) => text.toUpperCase();");
  on.write(
    "policies/lib/word.ts",
    'import { loud } from "loud";\nexport const word: string = loud("three");\n',
  );
  await on.reload();
  assert.equal((await on.ask()).field("x-stamp"), "THREE");
});

test("options that a user's policy refuses are told at their place, by its path as written", async (t) => {
  const { on } = await stand(t);
  const routes = [
    { name: "all", service: "main", policies: [{ "./policies/stamp.ts": { as: 1, sa: "x" } }] },
  ];
  on.config("http://127.0.0.1:1", { routes });
  await assert.rejects(on.reload(), ({ problems }: { problems: { path: string; reason: string }[] }) => {
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      'routes[0].policies[0]["./policies/stamp.ts"].as',
      'routes[0].policies[0]["./policies/stamp.ts"].sa',
    ]);
    return true;
  });
  assert.equal((await on.ask()).text, "served");
});

test("what compile throws is told with the user's line", async (t) => {
  const { on } = await stand(t);
  on.write(
    "policies/stamp.ts",
    STAMP.replace("({ as }) => ({", '({ as }) => {\n    throw new Error("no " + as);\n    return {').replace(
      "  }),\n});",
      "  }; },\n});",
    ),
  );
  await assert.rejects(on.reload(), {
    name: "ConfigError",
    message: /routes\[0\]\.policies\[0\]: no x-stamp \(.*policies\/stamp\.ts:10\)/,
  });
  assert.equal((await on.ask()).field("x-stamp"), "one");
});

test("a step that throws is reason policy_failed and harms nothing else", async (t) => {
  const { on } = await stand(t);
  on.write("policies/stamp.ts", STAMP.replace("reply.fields.set(as, word)", "(x => x.y.z)({} as any)"));
  await on.reload();
  const reply = await on.ask();
  assert.equal(reply.status, 500);
  assert.equal(reply.json()["reason"], "policy_failed");
  assert.doesNotMatch(reply.text, /stamp\.ts|[?&]v=/);
});
