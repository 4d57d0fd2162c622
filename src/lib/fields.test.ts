import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Random } from "../../test/support/random.ts";
import { scanFields, scannedFields } from "../http/scan-fields.ts";
import { FieldBlock } from "./field-block.ts";
import { Kind } from "./field-kinds.ts";
import { Fields } from "./fields.ts";

/** Fields as they are read from a connection, behind a start line. */
function received(...lines: string[]): Fields {
  const text = `GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  const start = text.indexOf("\n") + 1;
  assert.equal(scanFields(Buffer.from(text, "latin1"), start, text.length, 0), text.length);
  return scannedFields(text);
}

function entries(fields: Fields): string[] {
  return Array.from(fields.entries(), ([name, value]) => `${name}: ${value}`);
}

suite("fields", () => {
  test("are found without case, with all their values", () => {
    const fields = received("X-A: 1", "Host: h", "x-a:\t2 ", "X-B:");
    assert.equal(fields.get("x-A"), "1, 2");
    assert.deepEqual(fields.all("X-a"), ["1", "2"]);
    assert.equal(fields.get("HOST"), "h");
    assert.equal(fields.get("x-b"), "");
    assert.equal(fields.has("x-b"), true);
    assert.equal(fields.get("x"), undefined);
    assert.equal(fields.has("x-"), false);
  });

  test("set replaces, append adds, remove takes all", () => {
    const fields = received("X-A: 1", "Cookie: c", "X-A: 2");
    fields.append("X-A", "3");
    assert.deepEqual(fields.all("x-a"), ["1", "2", "3"]);
    fields.set("x-a", "4");
    fields.set("COOKIE", "d");
    assert.deepEqual(entries(fields), ["x-a: 4", "cookie: d"]);
    fields.remove("X-A");
    fields.remove("Cookie");
    assert.deepEqual(entries(fields), []);
    fields.append("cookie", "e");
    assert.deepEqual([entries(fields), fields.toText()], [["cookie: e"], "cookie: e\r\n"]);
  });

  test("what nobody edits is sent as it came; edits come behind it", () => {
    const fields = received("X-A:1 ", "HOST: h", "x-b: 2", "x-c:3");
    assert.equal(fields.toText(), "X-A:1 \r\nHOST: h\r\nx-b: 2\r\nx-c:3\r\n");
    fields.remove("x-b");
    assert.equal(fields.toText(), "X-A:1 \r\nHOST: h\r\nx-c:3\r\n");
    fields.set("Host", "i");
    assert.equal(fields.toText(), "X-A:1 \r\nx-c:3\r\nhost: i\r\n");
    assert.equal(received().toText(), "");
  });

  test("a copy and its original do not see each other's edits", () => {
    const original = received("X-A: 1", "Via: v");
    original.append("x-b", "2");
    const copy = original.clone();
    copy.set("x-a", "9");
    copy.remove("via");
    copy.append("x-b", "3");
    assert.deepEqual(entries(original), ["x-a: 1", "via: v", "x-b: 2"]);
    original.remove("x-a");
    original.append("x-c", "4");
    assert.deepEqual(entries(copy), ["x-b: 2", "x-a: 9", "x-b: 3"]);
  });

  test("names and values that cannot stand in a message are refused", () => {
    const fields = new Fields();
    for (const name of ["", "a b", "a:", "a\r\n", "a\0", "caf\xe9", "a\n"])
      for (const edit of ["set", "append"] as const)
        assert.throws(() => fields[edit](name, "v"), RangeError, JSON.stringify(name));
    for (const value of ["a\r\nb: c", "a\n", "\na", "a\r", "a\0b", "\x7f", " a", "a\t", "\u0100", "a\u2028"])
      for (const edit of ["set", "append"] as const)
        assert.throws(() => fields[edit]("x-a", value), RangeError, JSON.stringify(value));
    assert.equal(fields.toText(), "");
    fields.append("x-a", "");
    fields.append("x-a", "a\tb \xe9");
    assert.equal(fields.toText(), "x-a: \r\nx-a: a\tb \xe9\r\n");
    assert.throws(() => Fields.from({ "x-a": "b\r\nc: d" }), RangeError);
  });

  test("set does not remove what stands where the new value is refused", () => {
    const fields = received("X-A: 1");
    assert.throws(() => fields.set("x-a", "a\nb"), RangeError);
    assert.equal(fields.get("x-a"), "1");
  });

  test("are made from pairs and from an object", () => {
    assert.deepEqual(entries(Fields.from({ "X-A": "1", b: "2" })), ["x-a: 1", "b: 2"]);
    assert.deepEqual(
      entries(
        Fields.from([
          ["a", "1"],
          ["A", "2"],
        ]),
      ),
      ["a: 1", "a: 2"],
    );
  });

  test("a block is one with the fields around it", () => {
    const fields = received("X-A: 1");
    const block = new FieldBlock(["via", "1.1 x", "x-a", "2"]);
    fields.putBlock(block);
    fields.append("x-a", "3");
    fields.putBlock(new FieldBlock(["x-b", "4"]));
    assert.deepEqual(fields.all("x-a"), ["1", "2", "3"]);
    assert.equal(fields.toText(), "X-A: 1\r\nvia: 1.1 x\r\nx-a: 2\r\nx-a: 3\r\nx-b: 4\r\n");
    const copy = fields.clone();
    copy.remove("via");
    assert.deepEqual(entries(copy), ["x-a: 1", "x-a: 2", "x-a: 3", "x-b: 4"]);
    assert.deepEqual(fields.get("via"), "1.1 x");
    assert.deepEqual(block.pairs, ["via", "1.1 x", "x-a", "2"]);
  });

  test("the only line of a kind", () => {
    assert.equal(received("Host: h", "X-A: 1").only(Kind.host), "h");
    assert.equal(received("Host: h", "Host: h").only(Kind.host), undefined);
    assert.equal(received("Connection: Keep-Alive").onlyIs(Kind.connection, "keep-alive", true), true);
    assert.equal(received("Connection: Keep-Alive").onlyIs(Kind.connection, "keep-alive"), false);
    for (const lines of [
      ["Connection: close"],
      ["Connection: xkeep-alive"],
      [],
      ["Connection: keep-alive", "Connection: close"],
    ])
      assert.equal(received(...lines).onlyIs(Kind.connection, "keep-alive", true), false, lines.join());
  });
});

suite("fields of one connection", () => {
  const cases: readonly (readonly [lines: string[], left: string[]])[] = [
    [["Host: h", "Connection: keep-alive", "Keep-Alive: 5", "Upgrade: x", "TE: y"], ["host: h"]],
    [
      ["Transfer-Encoding: chunked", "Proxy-Connection: a", "Trailer: t", "X-A: 1"],
      ["trailer: t", "x-a: 1"],
    ],
    [["X-A: 1", "Connection: X-a ,\tx-b", "X-B: 2", "X-C: 3", "x-b: 4"], ["x-c: 3"]],
    [["Connection: close", "Connection: x-a", "X-A: 1"], []],
    [["Connection: keep-alive", "Connection: x-a", "X-A: 1"], []],
    [
      ["Connection: host, content-length, date, via, x-a,,", "Host: h", "Content-Length: 1", "Date: d"],
      ["host: h", "content-length: 1", "date: d"],
    ],
    [["Connection: cookie", "Cookie: c"], []],
    [
      ["X-Connection: x-a", "X-A: 1"],
      ["x-connection: x-a", "x-a: 1"],
    ],
  ];
  for (const [lines, left] of cases)
    test(lines.join(" | "), () => {
      const fields = received(...lines);
      fields.dropHopByHop();
      assert.deepEqual(entries(fields), left);
      assert.equal(fields.toText().toLowerCase(), left.map((line) => `${line}\r\n`).join(""));
    });

  test("lookalikes of known fields are left out as they arrive", () => {
    const fields = received("Content_Length: 5", "X_Forwarded_For: a", "X_Own: b", "X-Forwarded_Proto: c");
    assert.deepEqual(entries(fields), ["x_own: b"]);
  });
});

suite("fields beside a plain list", () => {
  test("stay alike under any edits", () => {
    const names = ["x-a", "X-B", "host", "Cookie", "via", "x_c", "connection"];
    for (let seed = 0; seed < 500; seed++) {
      const random = new Random(seed);
      const name = (): string => names[random.below(names.length)]!;
      let list = Array.from({ length: random.below(8) }, (_, i): [string, string] => [name(), `v${i}`]);
      let fields = received(...list.map(([key, value]) => `${key}: ${value}`));
      list = list.map(([key, value]) => [key.toLowerCase(), value]);
      for (let step = 0; step < 12; step++) {
        const key = name();
        const lower = key.toLowerCase();
        const edit = random.below(4);
        if (edit < 2) list = list.filter(([other]) => other !== lower);
        if (edit > 0 && edit < 3) list.push([lower, `s${step}`]);
        if (edit === 0) fields.remove(key);
        else if (edit === 1) fields.set(key, `s${step}`);
        else if (edit === 2) fields.append(key, `s${step}`);
        else fields = fields.clone();
        assert.deepEqual(
          entries(fields),
          list.map(([k, v]) => `${k}: ${v}`),
          `seed ${seed}`,
        );
        assert.equal(fields.toText().toLowerCase(), list.map(([k, v]) => `${k}: ${v}\r\n`).join(""));
        assert.deepEqual(
          fields.all(key),
          list.filter(([k]) => k === lower).map(([, v]) => v),
        );
      }
    }
  });
});
