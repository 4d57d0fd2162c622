import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { composeProxyHeader } from "./compose-proxy-header.ts";
import { type ProxySource, readProxyHeader } from "./proxy-header.ts";

const HERE: ProxySource = { address: "198.51.100.1", port: 443 };
const HERE6: ProxySource = { address: "2001:db8::1", port: 443 };

function text(source: ProxySource, destination: ProxySource): string {
  return composeProxyHeader("v1", source, destination).toString("latin1");
}

test("version 1 is one line (PROXY protocol §2.1)", () => {
  assert.equal(
    text({ address: "192.0.2.7", port: 12_345 }, HERE),
    "PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n",
  );
  assert.equal(
    text({ address: "2001:db8::7", port: 1 }, HERE6),
    "PROXY TCP6 2001:db8:0:0:0:0:0:7 2001:db8:0:0:0:0:0:1 1 443\r\n",
  );
  assert.equal(text({ address: "", port: 0 }, HERE), "PROXY UNKNOWN\r\n");
});

test("IPv4 in IPv6, as dual-stack sockets tell their own address, is IPv4", () => {
  assert.equal(
    text({ address: "192.0.2.7", port: 1 }, { address: "::ffff:198.51.100.1", port: 443 }),
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 443\r\n",
  );
  const header = composeProxyHeader("v2", { address: "::ffff:c000:207", port: 1 }, HERE);
  assert.equal(header.toString("hex", 12), "2111000c" + "c0000207" + "c6336401" + "0001" + "01bb");
});

test("version 2 is binary (PROXY protocol §2.2)", () => {
  const header = composeProxyHeader("v2", { address: "203.0.113.9", port: 0x3039 }, HERE);
  assert.equal(
    header.toString("hex"),
    "0d0a0d0a000d0a515549540a" + "2111000c" + "cb007109" + "c6336401" + "3039" + "01bb",
  );
  const unknown = composeProxyHeader("v2", { address: "", port: 0 }, HERE);
  assert.equal(unknown.toString("hex"), "0d0a0d0a000d0a515549540a" + "20000000");
});

test("what is written is read again, whatever the family of the two addresses", () => {
  const sources: readonly [ProxySource, string][] = [
    [{ address: "192.0.2.7", port: 65_535 }, "192.0.2.7"],
    [{ address: "2001:db8::7:0:9", port: 1 }, "2001:db8::7:0:9"],
    [{ address: "::1", port: 7 }, "::1"],
    [{ address: "::", port: 7 }, "::"],
    [{ address: "::ffff:192.0.2.8", port: 8 }, "192.0.2.8"],
    [{ address: "fe80::1%eth0", port: 9 }, "fe80::1"],
  ];
  const destinations = [HERE, HERE6, { address: "", port: 0 }, { address: "a.name", port: 80 }];
  for (const [source, address] of sources)
    for (const destination of destinations)
      for (const version of ["v1", "v2"] as const) {
        const bytes = composeProxyHeader(version, source, destination);
        const header = readProxyHeader(Buffer.concat([bytes, Buffer.from("rest")]), bytes.length + 4);
        assert.ok(header !== undefined && !(header instanceof Failure), `${version} ${source.address}`);
        assert.equal(header.end, bytes.length);
        assert.deepEqual(header.source, { address, port: source.port });
      }
});
