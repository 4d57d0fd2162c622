import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";
import {
  encodeGrpcMessage,
  formatGrpcTimeout,
  grpcKindOf,
  grpcStatusIn,
  grpcStatusOfHttp,
  grpcTrailerFrame,
  grpcTypeOf,
  parseGrpcTimeout,
} from "./grpc.ts";

test("media types of gRPC are told apart, and written as they were", () => {
  const cases: [type: string | undefined, kind: object | undefined][] = [
    ["application/grpc", { web: false, text: false, format: "" }],
    ["application/grpc+proto", { web: false, text: false, format: "+proto" }],
    ["Application/GRPC+JSON", { web: false, text: false, format: "+json" }],
    ["application/grpc; charset=utf-8", { web: false, text: false, format: "" }],
    ["application/grpc-web", { web: true, text: false, format: "" }],
    ["application/grpc-web+proto", { web: true, text: false, format: "+proto" }],
    ["application/grpc-web-text+proto", { web: true, text: true, format: "+proto" }],
    ["application/grpcfoo", undefined],
    ["application/grpc-webx", undefined],
    ["application/json", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [type, kind] of cases) {
    assert.deepEqual(grpcKindOf(type), kind, String(type));
    if (kind !== undefined) assert.deepEqual(grpcKindOf(grpcTypeOf(grpcKindOf(type)!)), kind);
  }
});

test("timeouts are read in every unit, and nothing else is", () => {
  const cases: [string, number | undefined][] = [
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["250m", 250],
    ["500u", 0.5],
    ["1000000n", 1],
    ["99999999S", 99_999_999_000],
    ["0m", 0],
    ["123456789m", undefined],
    ["1s", undefined],
    ["-1m", undefined],
    ["1.5S", undefined],
    ["10", undefined],
    ["m", undefined],
    ["", undefined],
  ];
  for (const [text, milliseconds] of cases) assert.equal(parseGrpcTimeout(text), milliseconds, text);
});

test("timeouts are written with at most eight digits, never longer than they are and never as none", () => {
  for (const milliseconds of [
    0, 0.3, 1, 999.9, 12_345, 99_999_999, 100_000_000, 86_400_000_000, 3.6e14, 1e18,
  ]) {
    const text = formatGrpcTimeout(milliseconds);
    assert.match(text, /^[0-9]{1,8}[HSm]$/);
    const read = parseGrpcTimeout(text)!;
    assert.ok(read > 0 && read <= Math.max(1, milliseconds), `${milliseconds}: ${text}`);
  }
  assert.equal(formatGrpcTimeout(1_500.7), "1500m");
  assert.equal(formatGrpcTimeout(100_000_999), "100000S");
});

test("messages are percent-encoded but for printable ASCII", () => {
  assert.equal(encodeGrpcMessage("all is well"), "all is well");
  assert.equal(encodeGrpcMessage("100%\n"), "100%25%0A");
  assert.equal(encodeGrpcMessage("é€"), "%C3%A9%E2%82%AC");
  assert.equal(decodeURIComponent(encodeGrpcMessage("ü%\u0000~")), "ü%\u0000~");
});

test("the status in trailers is a number that gRPC knows, else unknown", () => {
  const status = (value: string): number | undefined => grpcStatusIn(Fields.from({ "grpc-status": value }));
  assert.deepEqual([status("0"), status("16"), status("17"), status("-1"), status("x")], [0, 16, 2, 2, 2]);
  assert.equal(grpcStatusIn(new Fields()), undefined);
  assert.equal(grpcStatusIn(undefined), undefined);
});

test("HTTP statuses map as gRPC's table says", () => {
  const cases = [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 14],
    [200, 2],
    [418, 2],
  ];
  for (const [http, grpc] of cases) assert.equal(grpcStatusOfHttp(http!), grpc, String(http));
});

test("trailers become one frame with its length", () => {
  const frame = grpcTrailerFrame(Fields.from({ "grpc-status": "0", "X-Sum": "15" }));
  assert.deepEqual([frame[0], frame.readUInt32BE(1)], [0x80, frame.length - 5]);
  assert.equal(frame.toString("latin1", 5), "grpc-status:0\r\nx-sum:15\r\n");
});
