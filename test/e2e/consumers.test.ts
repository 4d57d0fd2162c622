/** Who calls, as a real gateway finds it out: by certificates, keys and passwords, and by several of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createKey, writtenHash } from "../../src/lib/api-key.ts";
import { TestAuthority } from "../support/certificates.ts";
import { request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { stageOf } from "../support/stage.ts";
import { askTls, type TlsAsk } from "../support/tls.ts";

const authority = new TestAuthority("clients' CA");
after(() => authority[Symbol.dispose]());
const server = authority.issue({ names: ["DNS:public.example"] });
const orders = authority.issue({
  names: ["DNS:orders.example", "URI:spiffe://example/orders"],
  use: "client",
});
const stranger = authority.issue({ names: ["DNS:stranger.example"], use: "client" });

const KEY = createKey();
const consumers = [
  { name: "orders", certificates: [{ san: "DNS:orders.example" }] },
  { name: "machine", keys: [{ id: "m1", hash: writtenHash(KEY) }] },
];
/** Tells the service whom it was sent for. */
const told = {
  headers: { request: { set: { "x-consumer": "${consumer.name}", "x-credential": "${credential.id}" } } },
};

test("a client certificate names a consumer; who shows none may use another way", async (t) => {
  const service = await startService((seen, answer) => void answer.end(`${seen.headers["x-consumer"]}`));
  const tls = {
    certificates: [{ cert: server.cert, key: server.key }],
    clients: [{ hosts: ["public.example"], verify: "optional", ca: authority.cert }],
  };
  const { gateway } = await stageOf(t, [service], {
    listeners: [{ name: "secure", address: "127.0.0.1:0", tls }],
    consumers,
    policies: [told],
    routes: [
      { name: "only", match: { path: "/only" }, service: "main", policies: [{ mtls: {} }] },
      {
        name: "any",
        match: { path: "/any" },
        service: "main",
        policies: [{ "any-of": { methods: [{ mtls: {} }, { "key-auth": {} }] } }],
      },
    ],
    services: { main: { endpoints: [service.url] } },
  });
  const as = (who?: typeof orders): TlsAsk => ({
    ca: authority.certText,
    servername: "public.example",
    ...(who && { cert: who.certText, key: who.keyText }),
  });
  const ask = async (path: string, who?: typeof orders, fields: Record<string, string> = {}) => {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    const { status, body } = await askTls(gateway.port(), { ...as(who), path, fields: lines });
    return [status, status === 200 ? `${body}` : (JSON.parse(`${body}`) as { reason: string }).reason];
  };
  assert.deepEqual(await ask("/only", orders), [200, "orders"]);
  assert.deepEqual(await ask("/only"), [403, "mtls_missing"]);
  assert.deepEqual(await ask("/only", stranger), [403, "mtls_unknown"]);
  assert.deepEqual(await ask("/any", orders), [200, "orders"]);
  assert.deepEqual(await ask("/any", undefined, { "x-api-key": KEY }), [200, "machine"]);
  assert.deepEqual(await ask("/any", stranger, { "x-api-key": KEY }), [200, "machine"]);
  assert.deepEqual(await ask("/any"), [401, "any_of_missing"]);
});

test("a policy of one's own asks inside of any-of, also where it is named from its own folder", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "torana-any-of-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "badge.ts");
  writeFileSync(
    file,
    `import { defineAuthenticator, z } from "torana";
     export const badge = defineAuthenticator({
       name: "badge",
       options: z.strictObject({}),
       reasons: { badge_missing: { status: 401, source: "downstream", title: "No badge." } },
       compile: () => ({
         missing: "badge_missing",
         challenge: "Badge",
         authenticate: (x) => {
           const name = x.request.field("x-badge");
           return name === undefined ? undefined : { consumer: x.snapshot.consumers.named(name), credential: "badge" };
         },
       }),
     });`,
  );
  const service = await startService((seen, answer) => void answer.end(`${seen.headers["x-credential"]}`));
  const { ask } = await stageOf(t, [service], {
    consumers,
    policies: [
      { "any-of": { methods: [{ "all-of": { methods: [{ [file]: {} }] } }, { "key-auth": {} }] } },
      told,
    ],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  assert.equal(`${(await ask(request("GET /", { "x-badge": "orders" }))).body}`, "badge");
  assert.equal(`${(await ask(request("GET /", { "x-api-key": KEY }))).body}`, "m1");
  const refused = await ask(request("GET /"));
  assert.deepEqual([refused.status, refused.field("www-authenticate")], [401, 'Badge, ApiKey realm="api"']);
});

test("among thousands of keys the right one is known, and no other is", async (t) => {
  const service = await startService((seen, answer) => void answer.end(`${seen.headers["x-consumer"]}`));
  const many = Array.from({ length: 5_000 }, (_, i) => ({
    name: `c${i}`,
    keys: [{ hash: writtenHash(`key-${i}`) }],
  }));
  const { connect } = await stageOf(t, [service], {
    consumers: many,
    policies: [{ "key-auth": {} }, told],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const client = await connect();
  for (const i of [0, 1, 2_500, 4_999]) {
    assert.equal(`${(await client.ask(request("GET /", { "x-api-key": `key-${i}` }))).body}`, `c${i}`);
    assert.equal((await client.ask(request("GET /", { "x-api-key": `yek-${i}` }))).status, 401);
  }
});
