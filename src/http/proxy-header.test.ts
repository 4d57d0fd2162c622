import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { crc32c } from "./crc32c.ts";
import { type ProxyHeader, readProxyHeader } from "./proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const IPV4 = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb]);
const IPV6 = Buffer.from(`20010db8${"0".repeat(22)}07${"20010db8".padEnd(32, "0")}303901bb`, "hex");

function v2(command: number, family: number, rest: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(rest.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), size, rest]);
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

/** A header with a checksum behind its addresses. */
function summed(addresses: Buffer, family: number): Buffer {
  const header = v2(0x21, family, Buffer.concat([addresses, tlv(0x03, Buffer.alloc(4))]));
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

function read(bytes: Buffer | string): ProxyHeader | Failure | undefined {
  const whole = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  return readProxyHeader(whole, whole.length);
}

const CLIENT4 = { address: "192.0.2.7", port: 12_345 };
const CLIENT6 = { address: "2001:db8::7", port: 12_345 };

const VALID: Record<string, [Buffer | string, { address: string; port: number } | undefined]> = {
  "v1 TCP4": ["PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n", CLIENT4],
  "v1 TCP6": ["PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n", CLIENT6],
  "v1 TCP6 in another spelling": ["PROXY TCP6 2001:0DB8:0:0:0:0:0:7 2001:db8::1 12345 443\r\n", CLIENT6],
  "v1 IPv4 in IPv6": ["PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 12345 443\r\n", CLIENT4],
  "v1 port 0": ["PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n", { address: "192.0.2.7", port: 0 }],
  "v1 UNKNOWN": ["PROXY UNKNOWN\r\n", undefined],
  "v1 UNKNOWN with addresses": ["PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", undefined],
  "v1 of 107 bytes": [`PROXY UNKNOWN ${"x".repeat(91)}\r\n`, undefined],
  "v2 IPv4": [v2(0x21, 0x11, IPV4), CLIENT4],
  "v2 IPv6": [v2(0x21, 0x21, IPV6), CLIENT6],
  "v2 with TLVs": [
    v2(0x21, 0x11, Buffer.concat([IPV4, tlv(0x02, Buffer.from("a.example")), tlv(0x04, Buffer.alloc(300))])),
    CLIENT4,
  ],
  "v2 with a checksum": [summed(IPV4, 0x11), CLIENT4],
  "v2 IPv6 with a checksum": [summed(IPV6, 0x21), CLIENT6],
  "v2 LOCAL": [v2(0x20, 0x00, Buffer.alloc(0)), undefined],
  "v2 LOCAL with something to skip": [v2(0x20, 0x11, Buffer.alloc(200, 0xff)), undefined],
  "v2 unspecified family": [v2(0x21, 0x00, tlv(0x04, Buffer.alloc(3))), undefined],
  "v2 Unix sockets": [v2(0x21, 0x31, Buffer.alloc(216)), undefined],
  "v2 of 4 KB": [v2(0x21, 0x11, Buffer.concat([IPV4, tlv(0x04, Buffer.alloc(4_065))])), CLIENT4],
};

test("headers of both versions name the client, and what follows is not theirs", () => {
  for (const [name, [bytes, source]] of Object.entries(VALID)) {
    const header = Buffer.from(bytes as string, "latin1");
    const read = readProxyHeader(
      Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]),
      header.length + 16,
    );
    assert.deepEqual(read, { end: header.length, source }, name);
  }
});

test("wherever a header is cut, the rest is waited for", () => {
  for (const [name, [bytes]] of Object.entries(VALID)) {
    const header = Buffer.from(bytes as string, "latin1");
    for (let length = 0; length < header.length; length++)
      assert.equal(readProxyHeader(header, length), undefined, `${name}, ${length} bytes`);
  }
});

const damaged = summed(IPV4, 0x11);
damaged[20]! ^= 1;

const INVALID: Record<string, Buffer | string> = {
  "a request": "GET / HTTP/1.1\r\n",
  "a request that begins as v1 does": "PUT ",
  "another begin": "P\r",
  "v1 in lower case": "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
  "v1 without CR": "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
  "v1 with two spaces": "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
  "v1 with a space at the end": "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
  "v1 without a port": "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
  "v1 with a port too large": "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
  "v1 with another port too large": "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
  "v1 with a leading zero": "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
  "v1 with a negative port": "PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n",
  "v1 with an address that is none": "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
  "v1 with octets in octal": "PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n",
  "v1 with the other family's address": "PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n",
  "v1 with mixed families": "PROXY TCP6 2001:db8::7 198.51.100.1 1 2\r\n",
  "v1 with a zone": "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
  "v1 with another protocol": "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
  "v1 with a word that begins with UNKNOWN": "PROXY UNKNOWNS\r\n",
  "v1 that does not end": `PROXY UNKNOWN ${"x".repeat(93)}`,
  "v1 of 108 bytes": `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
  "v2 with another signature": Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from("\r")]),
  "v2 with version 1": v2(0x11, 0x11, IPV4),
  "v2 with an unknown command": v2(0x22, 0x11, IPV4),
  "v2 over UDP": v2(0x21, 0x12, IPV4),
  "v2 with an unknown family": v2(0x21, 0x41, IPV4),
  "v2 shorter than its addresses": v2(0x21, 0x11, IPV4.subarray(0, 11)),
  "v2 IPv6 shorter than its addresses": v2(0x21, 0x21, IPV6.subarray(0, 35)),
  "v2 with half a TLV": v2(0x21, 0x11, Buffer.concat([IPV4, Buffer.from([4, 0])])),
  "v2 with a TLV longer than the header": v2(0x21, 0x11, Buffer.concat([IPV4, Buffer.from([4, 0, 2, 0])])),
  "v2 with a checksum of another length": v2(0x21, 0x11, Buffer.concat([IPV4, tlv(3, Buffer.alloc(3))])),
  "v2 whose checksum does not fit": damaged,
  "v2 larger than 4 KB": v2(0x21, 0x11, Buffer.concat([IPV4, tlv(0x04, Buffer.alloc(4_066))])),
};

test("whatever is not exactly a header is refused", () => {
  for (const [name, bytes] of Object.entries(INVALID)) {
    const result = read(bytes);
    assert.ok(result instanceof Failure, name);
    assert.equal(result.code, "proxy_header_invalid");
  }
});

test("the checksum is the one of RFC 3720", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
});
