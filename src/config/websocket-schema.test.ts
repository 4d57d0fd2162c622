import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { checkConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import type { WebSocketConfig } from "./route-options.ts";

function websocketOf(websocket: object): WebSocketConfig {
  return checkConfig({
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    services: { main: { endpoints: ["http://127.0.0.1:9001"] } },
    routes: [{ name: "one", service: "main", websocket }],
  }).routes[0]!.websocket!;
}

const PROTOCOL = {
  maxMessage: 0,
  maxFrame: 0,
  messagesPerSecond: 0,
  onExcess: "close",
  kinds: ["text", "binary"],
  utf8: false,
  onInvalid: "close",
};

/** Whether the library of schemas is here. */
const loaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((path) =>
    /[\\/]node_modules[\\/]ajv[\\/]/.test(path),
  );

test("the library of schemas is loaded by the first one", () => {
  websocketOf({ fromClient: {} });
  assert.equal(loaded(), false);
  websocketOf({ fromClient: { schema: true } });
  assert.equal(loaded(), true);
});

test("an empty side asks for the protocol alone, and the other side for nothing", () => {
  const { fromClient, fromService } = websocketOf({ fromClient: {} });
  assert.deepEqual(fromClient, PROTOCOL);
  assert.equal(fromService, undefined);
});

test("sizes, paces and schemas are read", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  assert.deepEqual(
    websocketOf({
      fromService: {
        ...{ maxMessage: "64KiB", maxFrame: 100, messagesPerSecond: 0.5, burst: 3, onExcess: "delay" },
        ...{ kinds: ["text"], utf8: true, schema, onInvalid: "drop" },
      },
    }).fromService,
    {
      ...{ maxMessage: 65_536, maxFrame: 100, messagesPerSecond: 0.5, burst: 3, onExcess: "delay" },
      ...{ kinds: ["text"], utf8: true, schema, onInvalid: "drop" },
    },
  );
});

test("what is wrong is named with its place", () => {
  const cases: [side: object, path: RegExp, reason: RegExp][] = [
    [{ maxMessage: "large" }, /fromClient\.maxMessage$/, /not a size/],
    [{ maxMessages: 1 }, /fromClient\.maxMessages$/, /not known here/],
    [{ messagesPerSecond: -1 }, /fromClient\.messagesPerSecond$/, /./],
    [{ burst: 3 }, /fromClient\.burst$/, /without messagesPerSecond/],
    [{ onExcess: "delay" }, /fromClient\.onExcess$/, /without messagesPerSecond/],
    [{ onInvalid: "drop", utf8: true }, /fromClient\.onInvalid$/, /without schema/],
    [{ kinds: ["binary"], utf8: true }, /fromClient\.utf8$/, /kinds lets no text pass/],
    [{ kinds: ["binary"], schema: true }, /fromClient\.schema$/, /kinds lets no text pass/],
    [{ kinds: [] }, /fromClient\.kinds$/, /./],
    [{ kinds: ["ping"] }, /fromClient\.kinds\[0\]$/, /./],
    [{ onExcess: "drop" }, /fromClient\.onExcess$/, /./],
    [{ schema: "object" }, /fromClient\.schema$/, /not a JSON Schema/],
    [{ schema: { typ: "object" } }, /fromClient\.schema\.typ$/, /not known here/],
    [
      { schema: { properties: { a: { pattern: "(" } } } },
      /schema\.properties\.a\.pattern$/,
      /regular expression/,
    ],
    [{ schema: { items: [{}] } }, /fromClient\.schema\.items$/, /not a JSON Schema/],
    [{ schema: { anyOf: [true, { typ: 1 }] } }, /fromClient\.schema\.anyOf\[1\]\.typ$/, /not known here/],
    [{ schema: { format: "phone" } }, /fromClient\.schema\.format$/, /not a format/],
    [{ schema: { $ref: "#/$defs/a" } }, /fromClient\.schema\.\$ref$/, /leads nowhere/],
  ];
  for (const [fromClient, path, reason] of cases)
    assert.throws(
      () => websocketOf({ fromClient }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const [problem] = error.problems;
        assert.match(problem!.path, path, JSON.stringify(fromClient));
        assert.match(problem!.reason, reason, JSON.stringify(fromClient));
        return true;
      },
    );
});
