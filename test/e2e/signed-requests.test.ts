/** Signed requests, and bodies that are checked before a service sees them, over real connections. */
import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { chunk, request } from "../support/client.ts";
import { bodyOf, startService } from "../support/service.ts";
import { stageOf } from "../support/stage.ts";

const SECRET = "sixteen characters, and more";
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const consumers = [
  { name: "billing", hmac: [{ id: "k1", secret: SECRET }] },
  {
    name: "orders",
    signatures: [{ id: "o1", publicKey: publicKey.export({ type: "spki", format: "pem" }) }],
  },
];
const told = { headers: { request: { set: { "x-consumer": "${consumer.name}" } } } };
const LAST = Buffer.from("0\r\n\r\n");

/** A service that says who called, and what it got. */
const echo = () =>
  startService(async (seen, answer) => {
    const body = await bodyOf(seen);
    answer.end(`${seen.headers["x-consumer"]} ${createHash("sha256").update(body).digest("base64")}`);
  });

const digest = (body: string): string => createHash("sha256").update(body).digest("base64");

function hmacFields(method: string, target: string, body?: string): Record<string, string> {
  const date = new Date().toUTCString();
  const lines = [`@request-target: ${method.toLowerCase()} ${target}`, `date: ${date}`];
  const names = ["@request-target", "date"];
  const more: Record<string, string> = {};
  if (body !== undefined) {
    more["digest"] = `SHA-256=${digest(body)}`;
    lines.push(`digest: ${more["digest"]}`);
    names.push("digest");
  }
  const signature = createHmac("sha256", SECRET).update(lines.join("\n")).digest("base64");
  const authorization = `hmac username="k1", algorithm="hmac-sha256", headers="${names.join(" ")}", signature="${signature}"`;
  return { date, authorization, ...more };
}

function signatureFields(method: string, uri: string, body?: string, nonce = ""): Record<string, string> {
  const contentDigest = body === undefined ? undefined : `sha-256=:${digest(body)}:`;
  const covered = [`"@method": ${method}`, `"@target-uri": ${uri}`];
  if (contentDigest !== undefined) covered.push(`"content-digest": ${contentDigest}`);
  const list = covered.map((line) => line.slice(0, line.indexOf(":"))).join(" ");
  const input = `(${list});created=${Math.floor(Date.now() / 1_000)};keyid="o1"${nonce && `;nonce="${nonce}"`}`;
  const base = [...covered, `"@signature-params": ${input}`].join("\n");
  const made = sign(null, Buffer.from(base), privateKey).toString("base64");
  return {
    "signature-input": `a=${input}`,
    signature: `a=:${made}:`,
    ...(contentDigest !== undefined && { "content-digest": contentDigest }),
  };
}

const either = { "any-of": { methods: [{ hmac: {} }, { "message-signatures": {} }] } };

test("either way of signing lets requests through, with bodies of any framing", async (t) => {
  const service = await echo();
  const { connect } = await stageOf(t, [service], {
    consumers,
    policies: [either, told],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const client = await connect();
  const large = "0123456789".repeat(50_000);
  for (const body of [undefined, "hello", large])
    for (const [name, fields] of [
      ["billing", hmacFields("POST", "/a?b=%63", body)],
      ["orders", signatureFields("POST", "http://a.example/a?b=%63", body)],
    ] as const) {
      const answer = await client.ask(request("POST /a?b=%63", fields, body));
      assert.equal(answer.text, `${name} ${digest(body ?? "")}`);
    }
  const fields = { ...signatureFields("POST", "http://a.example/", "hello"), "Transfer-Encoding": "chunked" };
  await client.send(request("POST /", fields));
  await client.send(chunk("hel"));
  await client.send(Buffer.concat([chunk("lo"), LAST]));
  assert.equal((await client.response()).text, `orders ${digest("hello")}`);
});

test("a body that is another one never reaches the service", async (t) => {
  const service = await echo();
  const { connect } = await stageOf(t, [service], {
    consumers,
    policies: [either],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  for (const fields of [
    hmacFields("POST", "/", "hello"),
    signatureFields("POST", "http://a.example/", "hello"),
  ]) {
    const client = await connect();
    const answer = await client.ask(request("POST /", fields, "hallo"));
    assert.match(String(JSON.parse(answer.text).reason), /^(?:hmac|signature)_digest_wrong$/);
    const slow = await connect();
    await slow.send(request("POST /", { ...fields, "Transfer-Encoding": "chunked" }));
    await slow.send(chunk("hel"));
    await slow.send(Buffer.concat([chunk("lo!"), LAST]));
    assert.equal((await slow.response()).status, 401);
  }
  assert.equal(service.seen.length, 0);
});

test("who has not proved anything is answered before the body is asked for", async (t) => {
  const service = await echo();
  const { connect } = await stageOf(t, [service], {
    consumers,
    policies: [either],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const expecting = { Expect: "100-continue", "Content-Length": "5" };
  const stranger = await connect();
  await stranger.send(request("POST /", { ...expecting, ...hmacFields("POST", "/other", "hello") }));
  assert.equal((await stranger.head()).status, 401);
  const client = await connect();
  await client.send(request("POST /", { ...expecting, ...hmacFields("POST", "/", "hello") }));
  assert.equal((await client.head()).status, 100);
  await client.send("hello");
  assert.equal((await client.response()).status, 200);
});

test("a signature is taken once where that is asked for", async (t) => {
  const service = await echo();
  const { ask } = await stageOf(t, [service], {
    consumers,
    policies: [{ "message-signatures": { replay: "refuse", nonce: "required" } }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const fields = signatureFields("GET", "http://a.example/", undefined, "once");
  const statuses = await Promise.all(Array.from({ length: 8 }, () => ask(request("GET /", fields))));
  assert.deepEqual(statuses.map(({ status }) => status).sort(), [200, ...Array(7).fill(401)]);
  assert.equal(
    (await ask(request("GET /", signatureFields("GET", "http://a.example/", undefined, "twice")))).status,
    200,
  );
});

test("signatures hold over HTTP/2 as well", async (t) => {
  const service = await echo();
  const { gateway } = await stageOf(t, [service], {
    consumers,
    policies: [{ "message-signatures": {} }, told],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const session = connectHttp2(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  const fields = signatureFields("POST", "http://a.example/a?b", "hello");
  const stream = session.request({
    ":method": "POST",
    ":path": "/a?b",
    ":authority": "a.example",
    ...fields,
  });
  stream.end("hello");
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) text += piece;
  assert.equal(text, `orders ${digest("hello")}`);
});

test("JSON and XML are read before a service reads them, and only they", async (t) => {
  const service = await echo();
  const { ask, connect } = await stageOf(t, [service], {
    policies: [{ "json-limits": { depth: 4 } }, { "xml-limits": { depth: 4 } }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const reasonOf = async (type: string, body: string): Promise<unknown> => {
    const answer = await ask(request("POST /", { "Content-Type": type }, body));
    return answer.status === 200 ? "in" : (JSON.parse(answer.text) as { reason: string }).reason;
  };
  assert.equal(await reasonOf("application/json", '{"a":[1]}'), "in");
  assert.equal(await reasonOf("application/json", "[".repeat(900_000)), "json_too_deep");
  assert.equal(await reasonOf("application/json", '{"a":1,"a":2}'), "json_duplicate_key");
  assert.equal(
    await reasonOf("application/soap+xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "xml_doctype",
  );
  assert.equal(await reasonOf("text/xml", "<a><b/></a>"), "in");
  assert.equal(await reasonOf("application/octet-stream", "x".repeat(3_000_000)), "in");
  const client = await connect();
  await client.send(
    request("POST /", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }),
  );
  await client.send(chunk('{"a":'));
  await client.send(Buffer.concat([chunk("1]"), LAST]));
  assert.equal((await client.response()).status, 400);
  assert.equal(service.seen.length, 3);
});
