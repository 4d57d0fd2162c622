import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, request } from "../support/client.ts";
import { type Service, startBytesService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { type Field, fieldValue, fieldValues } from "../support/wire.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TRUSTING = { listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1/32"] }] };

interface Scene {
  readonly service: Service;
  readonly client: Client;
  /** Sends the request with these lines as its fields, and gives the fields that reached the service. */
  pass(lines?: string): Promise<readonly Field[]>;
}

async function scene(t: TestContext, answer = "", config: object = {}): Promise<Scene> {
  const service = await startBytesService(() => `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${answer}\r\n`);
  const client = await (await stage(t, service, config)).connect();
  const pass = async (lines = ""): Promise<readonly Field[]> => {
    const response = await client.ask(`GET / HTTP/1.1\r\nHost: a.example:8080\r\n${lines}\r\n`);
    assert.equal(response.status, 200);
    return service.seen.at(-1)!.fields;
  };
  return { service, client, pass };
}

function only(fields: readonly Field[], prefix: string): Field[] {
  return fields
    .filter(([name]) => name.toLowerCase().startsWith(prefix))
    .map(([name, value]) => [name.toLowerCase(), value]);
}

test("hop-by-hop fields of the request stay here, and so do those that Connection names", async (t) => {
  const { pass } = await scene(t);
  const fields = await pass(
    "Connection: keep-alive, X-Hop\r\nconnection: x-other\r\nX-Hop: 1\r\nX-Other: 2\r\nX-Own: 3\r\n" +
      "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n",
  );
  for (const name of ["x-hop", "x-other", "keep-alive", "proxy-connection", "te"])
    assert.equal(fieldValue(fields, name), undefined, name);
  assert.equal(fieldValue(fields, "x-own"), "3");
  assert.doesNotMatch(fieldValue(fields, "connection") ?? "", /x-hop|x-other|close/i);
});

test("hop-by-hop fields of the answer stay here, and so do those that Connection names", async (t) => {
  const { client } = await scene(
    t,
    "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Own: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n",
  );
  const response = await client.ask(request("GET /"));
  for (const name of ["x-hop", "keep-alive", "proxy-connection"])
    assert.equal(response.field(name), undefined, name);
  assert.equal(response.field("x-own"), "3");
  assert.doesNotMatch(response.field("connection") ?? "", /x-hop/i);
});

test("Connection cannot take away what the gateway adds, nor the host", async (t) => {
  const { pass } = await scene(t);
  const fields = await pass("Connection: x-forwarded-for, x-forwarded-proto, x-request-id, via, host\r\n");
  assert.equal(fieldValue(fields, "x-forwarded-for"), "127.0.0.1");
  assert.equal(fieldValue(fields, "x-forwarded-proto"), "http");
  assert.match(fieldValue(fields, "x-request-id") ?? "", UUID);
  assert.equal(fieldValue(fields, "via"), "1.1 torana");
  assert.equal(fieldValue(fields, "host"), "a.example:8080");
});

test("the gateway says where the request came from", async (t) => {
  const { pass } = await scene(t);
  const first = await pass();
  assert.deepEqual(fieldValues(first, "host"), ["a.example:8080"]);
  assert.deepEqual(fieldValues(first, "x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(fieldValues(first, "x-forwarded-proto"), ["http"]);
  assert.deepEqual(fieldValues(first, "x-forwarded-host"), ["a.example:8080"]);
  assert.deepEqual(fieldValues(first, "via"), ["1.1 torana"]);
  assert.match(fieldValue(first, "x-request-id") ?? "", UUID);
  assert.notEqual(fieldValue(await pass(), "x-request-id"), fieldValue(first, "x-request-id"));
});

const SPOOFED =
  "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n" +
  "Forwarded: for=6.6.6.6;proto=https\r\nX-Request-Id: spoofed-id\r\nx-forwarded-for: 7.7.7.7\r\n";

test("what an untrusted client says about itself is not believed", async (t) => {
  const { pass } = await scene(t);
  const fields = await pass(SPOOFED);
  assert.deepEqual(fieldValues(fields, "x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(fieldValues(fields, "x-forwarded-proto"), ["http"]);
  assert.deepEqual(fieldValues(fields, "x-forwarded-host"), ["a.example:8080"]);
  assert.match(fieldValue(fields, "x-request-id") ?? "", UUID);
  assert.doesNotMatch(fields.join("\n"), /6\.6\.6\.6|7\.7\.7\.7|evil|spoofed/);
});

test("what a trusted proxy says is kept, and its own address is added", async (t) => {
  const { pass } = await scene(t, "", TRUSTING);
  const fields = await pass(SPOOFED);
  assert.equal(fieldValue(fields, "x-forwarded-for")?.replaceAll(/\s/g, ""), "6.6.6.6,7.7.7.7,127.0.0.1");
  assert.equal(fieldValue(fields, "x-forwarded-proto"), "https");
  assert.equal(fieldValue(fields, "x-forwarded-host"), "evil.example");
  assert.equal(fieldValue(fields, "x-request-id"), "spoofed-id");
  const [first, second, ...more] = fieldValue(fields, "forwarded")?.split(/\s*,\s*/) ?? [];
  assert.equal(first, "for=6.6.6.6;proto=https");
  assert.match(second ?? "", /(^|;)for="?127\.0\.0\.1"?(;|$)/i);
  assert.deepEqual(more, []);
});

test("a trusted proxy that says nothing gets what the gateway knows", async (t) => {
  const { pass } = await scene(t, "", TRUSTING);
  const fields = await pass();
  assert.deepEqual(fieldValues(fields, "x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(fieldValues(fields, "x-forwarded-proto"), ["http"]);
  assert.deepEqual(fieldValues(fields, "x-forwarded-host"), ["a.example:8080"]);
  assert.match(fieldValue(fields, "x-request-id") ?? "", UUID);
});

test("via is extended both ways, and stands on the answer", async (t) => {
  const plain = await scene(t);
  assert.equal((await plain.client.ask(request("GET /"))).field("via"), "1.1 torana");
  const { client, pass } = await scene(t, "Via: 1.0 origin\r\n");
  assert.equal(fieldValue(await pass("Via: 1.0 fred\r\n"), "via"), "1.0 fred, 1.1 torana");
  assert.equal((await client.ask(request("GET /"))).field("via"), "1.0 origin, 1.1 torana");
});

const OWN = "X-B: 1\r\nX-A: 2\r\nX-b: 3\r\nX-Empty:\r\nX-Blank: \t \r\nX-Inner:  a \t b  \r\nX-A: 2\r\n";
const OWN_FIELDS = [
  ["x-b", "1"],
  ["x-a", "2"],
  ["x-b", "3"],
  ["x-empty", ""],
  ["x-blank", ""],
  ["x-inner", "a \t b"],
  ["x-a", "2"],
];

test("the other fields keep their order, their duplicates and their values, both ways", async (t) => {
  const { client, pass } = await scene(t, OWN);
  const sent = only(await pass(OWN), "x-").filter(([name]) => !/^x-(forwarded|request)/.test(name));
  assert.deepEqual(sent, OWN_FIELDS);
  const back = only((await client.ask(request("GET /"))).fields, "x-").filter(
    ([name]) => name !== "x-request-id",
  );
  assert.deepEqual(back, OWN_FIELDS);
});

test("cookies stay apart and in order", async (t) => {
  const cookies = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2; HttpOnly", "a=3"];
  const { client, pass } = await scene(t, cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join(""));
  assert.deepEqual(fieldValues((await client.ask(request("GET /"))).fields, "set-cookie"), cookies);
  assert.deepEqual(fieldValues(await pass("Cookie: a=1; b=2\r\nCookie: c=3\r\n"), "cookie"), [
    "a=1; b=2",
    "c=3",
  ]);
});

test("bytes from 0x80 up in values are kept, both ways", async (t) => {
  const bytes = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index)).toString("latin1");
  const { client, pass } = await scene(t, `X-Text: <${bytes}>\r\n`);
  assert.equal(fieldValue(await pass(`X-Text: <${bytes}>\r\n`), "x-text"), `<${bytes}>`);
  assert.equal((await client.ask(request("GET /"))).field("x-text"), `<${bytes}>`);
});

test("what end-to-end fields say is not touched", async (t) => {
  const lines =
    'Authorization: Bearer a.b.c\r\nAccept-Encoding: gzip, br\r\nRange: bytes=0-9\r\nIf-Match: "x"\r\n' +
    "User-Agent: test/1.0 (x; y)\r\nOrigin: https://a.example\r\nContent-Encoding: gzip\r\nDate: yesterday\r\n";
  const { pass } = await scene(t);
  const fields = await pass(lines);
  for (const line of lines.trimEnd().split("\r\n")) {
    const [name = "", value = ""] = line.split(": ");
    assert.deepEqual(fieldValues(fields, name.toLowerCase()), [value]);
  }
});

test("an answer without a date gets one, and a service's own is kept", async (t) => {
  const none = await scene(t);
  const date = (await none.client.ask(request("GET /"))).field("date") ?? "";
  assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  const own = await scene(t, "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n");
  const { fields } = await own.client.ask(request("GET /"));
  assert.deepEqual(fieldValues(fields, "date"), ["Tue, 15 Nov 1994 08:12:31 GMT"]);
});

test("the service's Server field passes, and the gateway does not add its own", async (t) => {
  const named = await scene(t, "Server: origin/1\r\n");
  assert.equal((await named.client.ask(request("GET /"))).field("server"), "origin/1");
  const unnamed = await scene(t);
  assert.equal((await unnamed.client.ask(request("GET /"))).field("server"), undefined);
});
