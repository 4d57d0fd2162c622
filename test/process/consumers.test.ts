/** Consumers of the real program: keys that are rotated, files that change, and what must never be shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createKey, writtenHash } from "../../src/lib/api-key.ts";
import { hashPassword } from "../../src/lib/password-hash.ts";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";

const LISTENERS = [{ name: "public", address: "127.0.0.1:0" }];

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function ask(
  port: number,
  key: string,
  path = "/",
  more: Record<string, string> = {},
): Promise<Answer> {
  const headers = { connection: "close", ...(key && { "x-api-key": key }), ...more };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: response.status, body: await response.text() };
}

function config(url: string, more: object = {}): object {
  return {
    workers: 2,
    admin: "127.0.0.1:0",
    listeners: LISTENERS,
    policies: [{ "key-auth": {} }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url] } },
    ...more,
  };
}

/** Asks with every key that is valid at the moment, until it is stopped; counts what should not be. */
class Callers {
  readonly keys: Set<string>;
  readonly refused: string[] = [];
  done = 0;
  #stopped = false;
  readonly #runners: Promise<void>[];

  constructor(port: number, keys: readonly string[], count: number) {
    this.keys = new Set(keys);
    this.#runners = Array.from({ length: count }, async (_, nth) => {
      for (let turn = nth; !this.#stopped; turn++) {
        const key = [...this.keys][turn % this.keys.size]!;
        const { status, body } = await ask(port, key);
        if (status !== 200 && this.keys.has(key)) this.refused.push(`${status} ${body}`);
        this.done++;
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#runners);
  }
}

test("keys are rotated under load: no valid key is refused, no removed key is taken", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const bystander = createKey();
  let current = createKey();
  const write = (keys: readonly string[]): void => {
    stage.add(
      "consumers.jsonl",
      [
        JSON.stringify({ name: "bystander", keys: [{ hash: writtenHash(bystander) }] }),
        JSON.stringify({ name: "rotating", keys: keys.map((key) => ({ hash: writtenHash(key) })) }),
      ].join("\n"),
    );
  };
  write([current]);
  stage.write(config(service.url, { consumerFiles: ["consumers.jsonl"] }));
  const { process, port } = await stage.run();
  const callers = new Callers(port, [bystander, current], 6);
  const serves = async (change: () => void): Promise<void> => {
    process.forget();
    change();
    await process.says(/generation \d+ serves/);
  };
  for (let round = 0; round < 5; round++) {
    const next = createKey();
    await serves(() => write([current, next]));
    callers.keys.add(next);
    callers.keys.delete(current);
    const old = current;
    await serves(() => write([next]));
    const late = await Promise.all(Array.from({ length: 20 }, () => ask(port, old)));
    assert.deepEqual(
      late.filter(({ status }) => status !== 401),
      [],
    );
    assert.match(late[0]!.body, /key_unknown/);
    current = next;
  }
  await callers.stop();
  assert.deepEqual(callers.refused, []);
  assert.ok(callers.done > 100, `only ${callers.done} requests were made`);
});

test("a file of consumers with a bad line leaves the consumers before in force", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const key = createKey();
  const good = JSON.stringify({ name: "a", keys: [{ hash: writtenHash(key) }] });
  stage.add("consumers.jsonl", good);
  stage.write(config(service.url, { consumerFiles: ["consumers.jsonl"] }));
  const { process, port } = await stage.run();
  stage.add("consumers.jsonl", `${good}\n{"name":"b","keys":[{"hash":"a plain key"}]}\n`);
  const [said] = await process.says(/stays in force\n.*\n/);
  assert.match(
    said,
    /consumers\.jsonl:2:1: keys\[0\]\.hash: not the hash of a key; make it with torana key hash/,
  );
  assert.doesNotMatch(process.output, /a plain key/);
  assert.equal((await ask(port, key)).status, 200);
});

test("what is secret is in no view, metric, log, problem or answer", async () => {
  await using stage = new ProcessStage();
  const seen: Record<string, string | string[] | undefined>[] = [];
  await using service = await startService((request, response) => {
    seen.push(request.headers);
    response.end("served");
  });
  const key = createKey();
  const hash = writtenHash(key);
  const password = await hashPassword("open sesame");
  const secrets = {
    key,
    hash: hash.slice("sha256:".length),
    password: "open sesame",
    passwordHash: password,
    hmac: "a secret of hmac keys",
    option: "an option of a policy",
    inner: "an option of an inner policy",
    fromEnvironment: "of the environment",
  };
  stage.add(
    "vault.ts",
    `import { defineAuthenticator, z } from "torana";
     export const vault = defineAuthenticator({
       name: "vault",
       options: z.strictObject({ secret: z.string().meta({ secret: true }), wanted: z.string().default("x-vault") }),
       reasons: { vault_missing: { status: 401, source: "downstream", title: "No vault." } },
       compile: ({ secret, wanted }) => ({
         missing: "vault_missing",
         authenticate: (x) => (x.request.field(wanted) === secret ? { claims: { vault: true } } : undefined),
       }),
     });`,
  );
  stage.write(
    config(service.url, {
      consumers: [
        {
          name: "billing",
          groups: ["staff"],
          keys: [{ id: "one", hash, expires: new Date(Date.now() + 86_400_000).toISOString() }],
          basic: [{ username: "ann", hash: password }],
          hmac: [{ id: "h", secret: secrets.hmac }],
        },
      ],
      policies: [
        { "access-log": { to: "stdout", fields: ["status", "consumer", "credential"] } },
        {
          "any-of": {
            methods: [
              { "key-auth": {} },
              { "basic-auth": {} },
              { "./vault.ts": { secret: secrets.inner, wanted: "x-inner" } },
            ],
          },
        },
        {
          headers: {
            request: { set: { "x-consumer": "${consumer.name} ${consumer.groups} ${credential.id}" } },
          },
        },
      ],
      routes: [
        {
          name: "all",
          service: "main",
          policies: [{ "./vault.ts": { secret: secrets.option } }],
        },
        { name: "open", match: { path: "/open" }, service: "main" },
      ],
    }),
  );
  const { process, port } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  const shown: string[] = [];
  const show = async (path: string): Promise<string> => {
    const text = await (await fetch(`http://127.0.0.1:${admin}${path}`)).text();
    shown.push(text);
    return text;
  };
  const explain = `/explain?url=${encodeURIComponent("http://a.example/open")}&header=${encodeURIComponent(`x-api-key: ${key}`)}`;
  assert.equal((await ask(port, key, "/open")).status, 200);
  assert.equal(seen.at(-1)!["x-consumer"], "billing staff one");
  assert.equal(seen.at(-1)!["x-api-key"], undefined);
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  assert.equal((await ask(port, "", "/open", basic("ann:open sesame"))).status, 200);
  assert.equal((await ask(port, "", "/open", { "x-inner": secrets.inner })).status, 200);
  assert.equal((await ask(port, key, "/", { "x-vault": secrets.option })).status, 200);
  for (const answer of [
    await ask(port, `${key}x`, "/open"),
    await ask(port, "", "/open", basic("ann:open sesame!")),
    await ask(port, "", "/open"),
  ]) {
    assert.equal(answer.status, 401);
    shown.push(answer.body);
  }
  const snapshot = JSON.parse(await show("/snapshot")) as {
    config: { consumers: object; routes: { policies: object[] }[] };
  };
  assert.deepEqual(snapshot.config.consumers, { size: 1, names: ["billing"] });
  assert.match(JSON.stringify(snapshot.config.routes[0]!.policies), /"secret":"\*\*\*"/);
  const consumers = JSON.parse(await show("/consumers")) as { shown: object[] };
  assert.match(await show("/metrics"), /torana_consumers 1\n[\s\S]*torana_credentials\{kind="key"\} 1\n/);
  await show("/routes");
  assert.match(await show(`${explain.replace("/open", "/other")}`), /"secret": "\*\*\*"/);
  await show(explain);
  assert.deepEqual(
    consumers.shown.map((one) => ({
      ...one,
      credentials: (one as { credentials: { id: string }[] }).credentials.map(({ id }) => id),
    })),
    [{ name: "billing", groups: ["staff"], credentials: ["one", "ann", "h"] }],
  );
  await process.says(/"consumer":"billing","credential":"one"/);
  process.signal("SIGTERM");
  assert.equal(await process.exit, 0);
  const all = [...shown, process.output].join("\n");
  assert.match(process.output, /credentials that expire within 14 days: key one of billing/);
  // The explanation of a request shows the request, which held the key.
  for (const [name, secret] of Object.entries(secrets))
    if (name !== "key") assert.equal(all.includes(secret), false, `${name} is shown`);
});

test("a worker that takes another's place, and another generation, know the same consumers", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const key = createKey();
  stage.add("consumers.jsonl", JSON.stringify({ name: "a", keys: [{ hash: writtenHash(key) }] }));
  stage.add(
    "fault.ts",
    `import { definePolicy, z } from "torana";
     export const fault = definePolicy({
       name: "fault",
       phase: "request",
       options: z.strictObject({}),
       compile: () => (x) => {
         if (x.request.path === "/exit") process.exit(3);
         return undefined;
       },
     });`,
  );
  const more = {
    workers: 1,
    consumerFiles: ["consumers.jsonl"],
    policies: [{ "key-auth": {} }, { "./fault.ts": {} }],
  };
  stage.write(config(service.url, more));
  const { process, port } = await stage.run();
  const good = async (): Promise<unknown[]> => [
    (await ask(port, key)).status,
    (await ask(port, createKey())).status,
  ];
  /** Waits until another worker serves in the place of the one that ended. */
  const again = async (): Promise<void> => {
    for (let poll = 0; poll < 1_000; poll++) {
      const seen = await good().catch(() => undefined);
      if (seen !== undefined) return assert.deepEqual(seen, [200, 401]);
      await setTimeout(10);
    }
    throw new Error("no worker serves again");
  };
  assert.deepEqual(await good(), [200, 401]);
  await assert.rejects(ask(port, key, "/exit"));
  await again();
  process.forget();
  stage.write(config(service.url, { ...more, policyTimeout: "5s" }));
  await process.says(/generation 2 serves/);
  assert.deepEqual(await good(), [200, 401]);
  await assert.rejects(ask(port, key, "/exit"));
  await again();
});

test("another process takes over with the same consumers", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const key = createKey();
  stage.write(config(service.url, { consumers: [{ name: "a", keys: [{ hash: writtenHash(key) }] }] }));
  const { process, port } = await stage.run();
  assert.equal((await ask(port, key)).status, 200);
  const next = stage.start("run", stage.file, "--takeover");
  await next.says(/took over/);
  assert.equal(await process.exit, 0);
  assert.deepEqual([(await ask(port, key)).status, (await ask(port, createKey())).status], [200, 401]);
});
