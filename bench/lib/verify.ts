/** Before anything is timed: does each proxy give the right answer, and does it do the work that the others do? */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ANSWERS } from "../peers/upstream.ts";
import { type Access, type Asker, askerOf } from "./asker.ts";
import { hashOf, patternBytes, type Seen, startEcho } from "./echo.ts";
import { BenchFailure, must } from "./failure.ts";
import { verifyHandshake } from "./handshake.ts";
import type { PeerName, StartPeer } from "./peer.ts";
import { freePorts } from "./ports.ts";

const BODY_SIZES = [0, 150, 102_400, 1_048_576];

/** Starts the proxy in front of an echo service and checks fields, status, bodies both ways, and that connections are kept. */
export async function verifyProxy(
  name: PeerName,
  start: StartPeer,
  folder: string,
  core: number,
  access: Access = {},
): Promise<void> {
  const own = join(folder, `verify-${name}`);
  mkdirSync(own, { recursive: true });
  await using echo = await startEcho();
  const [port = 0] = await freePorts(1);
  await using peer = await start({ ...access, folder: own, port, endpoints: [echo.port], core });
  try {
    await verifyHandshake(name, port, access);
    using client = askerOf(port, access, "each");
    await verifyFields(client, access);
    for (const size of BODY_SIZES) await verifyBodies(client, size);
    await verifyReuse(port, access, echo.connections);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BenchFailure(`${name} is not ready to be measured: ${cause}\n${peer.program.output}`);
  }
}

async function verifyFields(client: Asker, { certificate, http2 }: Access): Promise<void> {
  const { status, fields, body } = await client.ask("/some/path?q=1", { fields: { cookie: "a=1; b=2" } });
  must(status === 200, `GET answered ${status}: ${body.toString("utf8", 0, 300)}`);
  const seen = JSON.parse(body.toString("utf8")) as Seen;
  must(
    seen.method === "GET" && seen.path === "/some/path?q=1",
    `the service saw ${seen.method} ${seen.path}`,
  );
  must(/^1\.1 \w+/.test(fields["via"] ?? ""), `the answer has no via: ${JSON.stringify(fields)}`);
  const expected: Readonly<Record<string, RegExp>> = {
    host: /^shop\.example$/,
    cookie: /^a=1; b=2$/,
    "x-forwarded-for": /^127\.0\.0\.1$/,
    "x-forwarded-proto": certificate ? /^https$/ : /^http$/,
    "x-forwarded-host": /^shop\.example$/,
    via: http2 ? /^(1\.1|2|2\.0) \w+$/ : /^1\.1 \w+$/,
    "x-request-id": /^[0-9a-f-]{32,36}$/,
  };
  for (const [field, pattern] of Object.entries(expected))
    must(
      pattern.test(seen.fields[field] ?? ""),
      `the service saw ${field}: ${seen.fields[field]}, not ${pattern}`,
    );
  must(seen.fields["connection"] !== "close", "the service was told to close the connection");
}

async function verifyBodies(client: Asker, size: number): Promise<void> {
  const bytes = patternBytes(size);
  const down = await client.ask(`/bytes/${size}`);
  must(down.status === 200, `an answer of ${size} bytes came with status ${down.status}`);
  must(down.body.equals(bytes), `an answer of ${size} bytes arrived changed, with ${down.body.length} bytes`);
  const up = await client.ask("/", { method: "POST", body: bytes });
  must(up.status === 200, `an upload of ${size} bytes was answered ${up.status}`);
  const seen = JSON.parse(up.body.toString("utf8")) as Seen;
  must(
    seen.bodyBytes === size && seen.bodyHash === hashOf(bytes),
    `an upload of ${size} bytes arrived changed, with ${seen.bodyBytes} bytes`,
  );
}

async function verifyReuse(port: number, access: Access, connections: () => number): Promise<void> {
  using client = askerOf(port, access, "one");
  await client.ask("/");
  const before = connections();
  for (let request = 0; request < 20; request += 1) await client.ask("/");
  const opened = connections() - before;
  must(
    opened <= 1,
    `20 requests in a row opened ${opened} connections to the service: its pool does not keep them`,
  );
}

/** Checks, through the proxy that will be timed, each path of the load upstream. */
export async function verifyLoadPaths(name: string, port: number, access: Access): Promise<void> {
  using client = askerOf(port, access, "each");
  for (const [path, size] of Object.entries(ANSWERS)) {
    const { status, body } = await client.ask(path);
    must(
      status === 200 && body.length === size,
      `${name}: ${path} answered ${status} with ${body.length} bytes, not ${size}`,
    );
  }
  const sent = patternBytes(1_048_576);
  const { status, fields } = await client.ask("/upload", { method: "POST", body: sent });
  const received = Number(fields["x-received"]);
  must(status === 200, `${name}: /upload answered ${status}`);
  must(
    received >= sent.length && received < sent.length + 4_096,
    `${name}: the upstream received ${received} bytes, head included, of an upload of ${sent.length}`,
  );
}
