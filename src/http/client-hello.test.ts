import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { Random } from "../../test/support/random.ts";
import { Failure } from "../errors/failure.ts";
import { ClientHelloReader, readClientHello } from "./client-hello.ts";

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(content.length), content]);
}

/** A server_name extension with one name, of a type (0: a host). */
function nameExtension(name: string, type = 0): Buffer {
  const entry = Buffer.concat([Buffer.from([type]), u16(name.length), Buffer.from(name, "latin1")]);
  return extension(0, Buffer.concat([u16(entry.length), entry]));
}

const GREASE = extension(0x3a3a, Buffer.from([0]));
const ENCRYPTED = extension(0xfe0d, Buffer.alloc(200, 7));

/** The message with these extensions; undefined: without a list of them. */
function message(extensions: readonly Buffer[] | undefined): Buffer {
  const list = extensions === undefined ? Buffer.alloc(0) : Buffer.concat(extensions);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 1),
    Buffer.from([32]),
    Buffer.alloc(32, 2),
    u16(4),
    Buffer.from([0x1a, 0x1a, 0x13, 0x01]),
    Buffer.from([1, 0]),
    ...(extensions === undefined ? [] : [u16(list.length), list]),
  ]);
  return Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
}

/** The message in records of at most so many bytes. */
function records(content: Buffer, size = 16_384): Buffer {
  const made: Buffer[] = [];
  for (let at = 0; at < content.length; at += size) {
    const part = content.subarray(at, at + size);
    made.push(Buffer.from([22, 3, 1]), u16(part.length), part);
  }
  return Buffer.concat(made);
}

function nameIn(bytes: Buffer): string {
  const hello = readClientHello(bytes);
  if (typeof hello === "number") return `needs ${hello}`;
  return hello instanceof Failure ? `${hello.code}: ${hello.detail}` : hello.serverName;
}

test("the host that a client asks for is read, in lower case", () => {
  assert.equal(nameIn(records(message([nameExtension("shop.example")]))), "shop.example");
  assert.equal(nameIn(records(message([nameExtension("Shop.EXAMPLE")]))), "shop.example");
  assert.equal(nameIn(records(message([nameExtension("shop.example.")]))), "shop.example");
});

test("GREASE and an encrypted inner hello are passed over: the outer name counts", () => {
  const hello = message([GREASE, ENCRYPTED, nameExtension("outer.example"), GREASE]);
  assert.equal(nameIn(records(hello)), "outer.example");
});

test("a hello without a name, or without any extension, names nobody", () => {
  assert.equal(nameIn(records(message([GREASE]))), "");
  assert.equal(nameIn(records(message([]))), "");
  assert.equal(nameIn(records(message(undefined))), "");
});

test("a hello may be cut into records anywhere", () => {
  const hello = message([GREASE, nameExtension("shop.example")]);
  for (const size of [1, 2, 3, 4, 5, 40, 100])
    assert.equal(nameIn(records(hello, size)), "shop.example", `records of ${size}`);
});

test("a hello may arrive in any pieces; what it needs more of is never beyond its end", () => {
  for (const size of [7, 16_384]) {
    const bytes = records(message([GREASE, nameExtension("shop.example")]), size);
    for (let end = 0; end < bytes.length; end++) {
      const needs = readClientHello(bytes.subarray(0, end));
      assert.ok(typeof needs === "number" && needs > end, `${end} of ${bytes.length} bytes`);
      if (size === 16_384) assert.ok(needs <= bytes.length, `${needs} of ${bytes.length}`);
    }
    const reader = new ClientHelloReader();
    for (const [i, octet] of bytes.entries()) {
      const hello = reader.take(Buffer.from([octet]), 1);
      assert.equal(hello === undefined, i < bytes.length - 1);
    }
    assert.deepEqual(reader.bytes, bytes);
  }
});

test("what is no hello is refused as early as it can be known", () => {
  const hello = message([nameExtension("a.example")]);
  const twice = message([nameExtension("a.example"), nameExtension("b.example")]);
  const cut = records(message([nameExtension("a.example")]));
  cut.writeUInt16BE(cut.readUInt16BE(cut.length - 13) + 1, cut.length - 13);
  const serverHello = Buffer.from(hello);
  serverHello[0] = 2;
  const long = Buffer.from([22, 3, 1, 0, 4, 1, 1, 0, 0]);
  for (const [what, bytes] of [
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n")],
    ["one letter", Buffer.from("G")],
    ["another version", Buffer.from([22, 2])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1])],
    ["another message", records(serverHello)],
    ["a message that is too long", long],
    ["two names", records(twice)],
    ["a name of another kind", records(message([nameExtension("a.example", 1)]))],
    ["an empty name", records(message([nameExtension("")]))],
    ["a name with a slash", records(message([nameExtension("a/b")]))],
    ["a name with a zero", records(message([nameExtension("a\0.example")]))],
    ["a name that is longer than its list", cut],
    ["an extension that is cut", records(message([Buffer.from([0, 0, 0, 9, 1])]))],
    ["nothing but a body", records(Buffer.from([1, 0, 0, 0]))],
  ] as const) {
    assert.match(nameIn(bytes), /^tls_hello_malformed: ./, what);
  }
});

test("a hello that does not end is given up", () => {
  const endless = Buffer.concat(Array.from({ length: 9_000 }, () => Buffer.from([22, 3, 1, 0, 1, 0])));
  endless[5] = 1;
  assert.match(nameIn(endless), /ClientHello is too long|does not begin|is cut|no valid length|ClientHello/);
});

test("a hello that is cut into thousands of records is put together once, and not before it is whole", (t) => {
  const whole = records(message([extension(0x3a3a, Buffer.alloc(4_000)), nameExtension("shop.example")]), 1);
  const { mock } = t.mock.method(Buffer, "concat");
  assert.equal(nameIn(whole.subarray(0, -1)), `needs ${whole.length}`);
  assert.equal(mock.callCount(), 0);
  assert.equal(nameIn(whole), "shop.example");
  assert.equal(mock.callCount(), 1);
});

test("the hello of a real client is read", async (t) => {
  const server = createServer();
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", servername: "real.example", ALPNProtocols: ["h2"] });
  client.on("error", () => undefined);
  const [socket] = await accepted;
  const [bytes] = await once(socket, "data");
  assert.equal(nameIn(bytes), "real.example");
  client.destroy();
  socket.destroy();
});

test("no bytes make the reader fail: they are a hello, none, or not all of one", () => {
  const random = new Random(11);
  const whole = message([
    GREASE,
    nameExtension("shop.example"),
    extension(16, Buffer.from([0, 3, 2, 0x68, 0x32])),
  ]);
  for (let i = 0; i < 5_000; i++) {
    const bytes = records(whole, 1 + random.below(300));
    for (let n = random.below(4); n >= 0; n--) bytes[random.below(bytes.length)] = random.below(256);
    const read = readClientHello(bytes.subarray(0, 1 + random.below(bytes.length)));
    if (typeof read === "number") assert.ok(read > 0);
    else if (read instanceof Failure) assert.equal(read.code, "tls_hello_malformed");
    else assert.match(read.serverName, /^[a-z0-9_.-]*$/);
  }
});
