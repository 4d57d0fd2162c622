import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { TestAuthority } from "../support/certificates.ts";
import { FramePeer, headers, request } from "../support/frames.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, startService } from "../support/service.ts";
import { until, within } from "../support/wait.ts";

const MB = 1_048_576;
const PATTERN = randomBytes(1_009);

/** Bytes that differ everywhere, so that a mix-up shows. */
function patterned(size: number): Buffer {
  return Buffer.alloc(size, PATTERN);
}

function digest(bytes: Uint8Array | readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of Array.isArray(bytes) ? bytes : [bytes as Uint8Array]) hash.update(piece);
  return hash.digest("hex");
}

interface Got {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function got(stream: ClientHttp2Stream): Promise<Got> {
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("trailers", (fields) => {
    trailers = fields;
  });
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  const [fields] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status": number }];
  await once(stream, "close");
  return { status: fields[":status"], fields, body: Buffer.concat(pieces), trailers };
}

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const { cert, key } = authority.issue({ names: ["DNS:localhost", "IP:127.0.0.1"] });

for (const scheme of ["http", "https"])
  suite(`HTTP/2 ${scheme === "http" ? "with prior knowledge" : "over TLS"}`, () => requests(scheme));

/** Every request of this file by one way to the gateway. */
function requests(scheme: string): void {
  let service: Service;
  let gateway: TestGateway;
  let session: ClientHttp2Session;

  before(async () => {
    service = await startService(async (incoming, response) => {
      const url = new URL(incoming.url ?? "/", "http://service");
      if (url.pathname === "/echo") incoming.pipe(response);
      else if (url.pathname === "/large") {
        incoming.resume();
        response.setHeader("content-length", 10 * MB);
        Readable.from([patterned(10 * MB)]).pipe(response);
      } else if (url.pathname === "/digest") {
        const pieces = await Array.fromAsync(incoming as AsyncIterable<Buffer>);
        response.end(digest(pieces));
      } else if (url.pathname === "/trailers") {
        response.writeHead(200, { trailer: "x-end" });
        response.write("content");
        response.addTrailers({ "x-end": "yes" });
        response.end();
      } else if (url.pathname === "/early") {
        response.writeHead(403);
        response.end("no");
      } else if (url.pathname === "/hints") {
        response.writeEarlyHints({ link: "</style.css>; rel=preload" });
        response.end("hinted");
      } else if (url.pathname === "/fields") {
        response.end(JSON.stringify(incoming.rawHeaders));
      } else if (url.pathname === "/cut") {
        response.writeHead(200, { "content-length": "100" });
        response.write("ten octets");
        setImmediate(() => incoming.socket.resetAndDestroy());
      } else if (url.pathname === "/request-trailers") {
        incoming.resume();
        await once(incoming, "end");
        response.end(JSON.stringify(incoming.trailers));
      } else if (url.pathname === "/never") incoming.resume();
      else if (url.pathname === "/status") {
        response.writeHead(Number(url.searchParams.get("of")));
        response.end();
      } else response.end(`you asked for ${incoming.url}`);
    });
    const tls = { certificates: [{ cert, key }] };
    gateway = await startGateway({
      listeners: [{ name: "test", address: "127.0.0.1:0", ...(scheme === "https" ? { tls } : {}) }],
      services: { all: { endpoints: [service.url] } },
      routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
    });
    session = connect(`${scheme}://127.0.0.1:${gateway.port()}`, {
      maxSessionMemory: 200,
      ca: authority.certText,
    });
    await once(session, "connect");
  });

  after(async () => {
    session.destroy();
    await gateway.stop(0);
    await service.stop();
    assert.deepEqual(service.failures, []);
  });

  test("a request and its answer", async () => {
    const { status, fields, body } = await got(session.request({ ":path": "/hello?a=1" }));
    assert.equal(status, 200);
    assert.equal(body.toString(), "you asked for /hello?a=1");
    assert.equal(fields["content-length"], "24");
    assert.equal(fields["connection"], undefined);
    assert.equal(fields["transfer-encoding"], undefined);
    assert.ok(fields["date"]);
  });

  test("fields reach the service as those of HTTP/1.1 do, crumbs of a cookie as one", async () => {
    const { body } = await got(
      session.request({
        ":path": "/fields",
        "x-one": ["1", "2"],
        cookie: ["a=1", "b=2", "c=3"],
        te: "trailers",
      }),
    );
    const raw = JSON.parse(body.toString()) as string[];
    const all = (name: string): string[] =>
      raw.filter((_, i) => i % 2 === 1 && raw[i - 1]!.toLowerCase() === name);
    assert.deepEqual(all("cookie"), ["a=1; b=2; c=3"]);
    assert.deepEqual(all("host"), [`127.0.0.1:${gateway.port()}`]);
    assert.match(all("via").join(), /^2 torana/);
    assert.deepEqual(all("x-forwarded-proto"), [scheme]);
    assert.equal(
      raw.some((text) => text.startsWith(":")),
      false,
    );
  });

  test("a hundred requests side by side on one connection", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => got(session.request({ ":path": `/side-by-side/${i}` }))),
    );
    answers.forEach(({ status, body }, i) => {
      assert.equal(status, 200);
      assert.equal(body.toString(), `you asked for /side-by-side/${i}`);
    });
  });

  test("10 MB to the client, byte for byte, on several streams at once", async () => {
    const wanted = digest(patterned(10 * MB));
    const answers = await Promise.all([1, 2, 3].map(() => got(session.request({ ":path": "/large" }))));
    for (const { body } of answers) assert.equal(digest(body), wanted);
  });

  test("10 MB to the service, byte for byte, on several streams at once", async () => {
    const bytes = patterned(10 * MB);
    const answers = await Promise.all(
      [1, 2, 3].map(() => {
        const stream = session.request({ ":method": "POST", ":path": "/digest" });
        stream.end(bytes);
        return got(stream);
      }),
    );
    for (const { body } of answers) assert.equal(body.toString(), digest(bytes));
  });

  test("10 MB there and back", async () => {
    const bytes = patterned(10 * MB);
    const stream = session.request({ ":method": "POST", ":path": "/echo" });
    stream.end(bytes);
    assert.equal(digest((await got(stream)).body), digest(bytes));
  });

  test("trailers of the answer", async () => {
    const { body, trailers } = await got(session.request({ ":path": "/trailers" }));
    assert.equal(body.toString(), "content");
    assert.equal(trailers?.["x-end"], "yes");
  });

  test("trailers of the request", async () => {
    const stream = session.request(
      { ":method": "POST", ":path": "/request-trailers" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
    stream.end("content");
    assert.deepEqual(JSON.parse((await got(stream)).body.toString()), { "x-sum": "42" });
  });

  // Frames by hand are not encrypted.
  if (scheme === "http")
    test("trailers of the request that name its sender, or that a head is read for, go nowhere", async () => {
      const peer = await FramePeer.open(gateway.port());
      const bad = ["host", "content-length", "trailer"];
      for (const [i, name] of bad.entries()) {
        const id = 2 * i + 1;
        peer.send(headers(id, request("POST", "/request-trailers"), false) + headers(id, [[name, "1"]]));
        assert.equal((await peer.answer(id)).reset, "PROTOCOL_ERROR", name);
      }
      peer.send(headers(9, request("POST", "/request-trailers"), false));
      const fields = [
        ...["authorization", "cookie", "x-forwarded-for", "client-cert", "x_forwarded_for", "content-type"],
        ...["x-request-id", "via", "x-sum"],
      ].map((name): [string, string] => [name, "1"]);
      peer.send(headers(9, fields));
      assert.deepEqual(JSON.parse((await peer.answer(9)).body), { "x-sum": "1" });
      peer.close();
    });

  test("HEAD, 204 and 304 have no body", async () => {
    const head = await got(session.request({ ":method": "HEAD", ":path": "/large" }));
    assert.equal(head.fields["content-length"], String(10 * MB));
    assert.equal(head.body.length, 0);
    for (const code of [204, 304]) {
      const { status, body } = await got(session.request({ ":path": `/status?of=${code}` }));
      assert.equal(status, code);
      assert.equal(body.length, 0);
    }
  });

  test("an early hint comes before the answer", async () => {
    const stream = session.request({ ":path": "/hints" });
    const hint = once(stream, "headers");
    const answer = got(stream);
    const [fields] = (await within("the hint", hint)) as [IncomingHttpHeaders & { ":status": number }];
    assert.equal(fields[":status"], 103);
    assert.equal(fields["link"], "</style.css>; rel=preload");
    assert.equal((await answer).body.toString(), "hinted");
  });

  test("an answer before the request's end: the rest of it is not asked for", async () => {
    const stream = session.request({ ":method": "POST", ":path": "/early" });
    stream.write("the first of many");
    const { status, body } = await within("the answer", got(stream));
    assert.equal(status, 403);
    assert.equal(body.toString(), "no");
    assert.equal((await got(session.request({ ":path": "/after" }))).status, 200);
  });

  test("an answer that is cut is a reset stream, not a short answer", async () => {
    const stream = session.request({ ":path": "/cut" });
    stream.resume();
    const [error] = (await within("the error", once(stream, "error"))) as [NodeJS.ErrnoException];
    assert.match(error.message, /INTERNAL_ERROR/);
    assert.equal((await got(session.request({ ":path": "/after" }))).status, 200);
  });

  test("a client that resets its stream ends the service's work", async () => {
    const stream = session.request({ ":method": "POST", ":path": "/never" });
    stream.on("error", () => undefined);
    stream.write("x");
    await until("the request", () => service.targets.includes("/never"));
    const open = service.open.size;
    stream.close(8);
    await until("the service's connection to go", () => service.open.size < open);
    assert.equal((await got(session.request({ ":path": "/after" }))).status, 200);
  });

  test("a client that does not read holds up its own stream only, and little is kept for it", async () => {
    const slow = session.request({ ":path": "/large" });
    await once(slow, "response");
    slow.pause();
    const { body } = await within("the other stream", got(session.request({ ":path": "/other" })));
    assert.equal(body.toString(), "you asked for /other");
    slow.close();
    slow.on("error", () => undefined);
  });

  test("curl", async (t) => {
    const url = `${scheme}://127.0.0.1:${gateway.port()}`;
    const way = scheme === "http" ? ["--http2-prior-knowledge"] : ["--http2", "--cacert", authority.cert];
    const run = promisify(execFile);
    const has = await run("curl", ["--version"]).then(
      ({ stdout }) => stdout.includes("HTTP2"),
      () => false,
    );
    if (!has) {
      t.skip("curl with HTTP/2 is not here");
      return;
    }
    const { stdout } = await run("curl", [
      "-sS",
      ...way,
      "-w",
      " %{http_version} %{http_code}",
      `${url}/by-curl`,
    ]);
    assert.equal(stdout, "you asked for /by-curl 2 200");
    const folder = await mkdtemp(join(tmpdir(), "torana-h2-"));
    await writeFile(join(folder, "in"), patterned(10 * MB));
    const files = ["--data-binary", `@${folder}/in`, "-o", `${folder}/out`];
    await run("curl", ["-sS", ...way, ...files, `${url}/echo`]);
    assert.equal(digest(await readFile(join(folder, "out"))), digest(patterned(10 * MB)));
    await rm(folder, { recursive: true });
  });
}
