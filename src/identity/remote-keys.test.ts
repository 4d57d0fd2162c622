import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { until } from "../../test/support/wait.ts";
import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply } from "../pipeline/calls.ts";
import { testClock } from "../testing/index.ts";
import { RemoteKeys } from "./remote-keys.ts";

const pairs = ["a", "b", "c"].map((kid) => {
  const { publicKey } = generateKeyPairSync("ed25519");
  return { ...publicKey.export({ format: "jwk" }), kid };
});
const [a, b, c] = pairs as [object, object, object];

/** Keys of an issuer that answers what it is told to. */
function stage(
  first: object | Error,
  times: Partial<Record<"refresh" | "staleFor" | "cooldown", number>> = {},
) {
  const clock = testClock();
  const lines: string[] = [];
  const state = { answer: first, cacheControl: "", asked: 0 };
  const call = async (): Promise<CallReply> => {
    state.asked++;
    if (state.answer instanceof Error) throw state.answer;
    const fields =
      state.cacheControl === "" ? new Fields() : Fields.from({ "cache-control": state.cacheControl });
    return { status: 200, fields, body: Buffer.from(JSON.stringify(state.answer)), trailers: undefined };
  };
  const keys = new RemoteKeys({
    ...{ refresh: 300_000, staleFor: 86_400_000, cooldown: 5_000, timeout: 1_000, ...times },
    locate: async () => ({ url: "https://id.example/jwks" }),
    name: "https://id.example",
    algorithms: undefined,
    caller: { call },
    clock,
    random: () => 0,
    tell: (line) => void lines.push(line),
  });
  return { clock, keys, lines, state, [Symbol.dispose]: () => keys.close() };
}

const down = new CallFailed("connect_failed", "id.example: ECONNREFUSED");

describe("keys that are asked for", () => {
  test("are asked for at once, and once for all who wait", async () => {
    using one = stage({ keys: [a] });
    assert.equal(one.keys.settled, false);
    await Promise.all([one.keys.again(), one.keys.again()]);
    assert.deepEqual([one.state.asked, one.keys.settled, one.keys.knows("a")], [1, true, true]);
    assert.equal(one.keys.find("a", "EdDSA").length, 1);
    assert.deepEqual([one.keys.find("a", "RS256"), one.keys.find("b", "EdDSA")], [[], []]);
    assert.equal(one.keys.find(undefined, "EdDSA").length, 1);
  });

  test("stay the same objects while they are there; those that went are gone", async () => {
    using one = stage({ keys: [a, b] });
    await one.keys.again();
    const [keyA] = one.keys.find("a", "EdDSA");
    const [keyB] = one.keys.find("b", "EdDSA");
    one.state.answer = { keys: [b, c] };
    await one.keys.again();
    assert.deepEqual([keyA!.gone, keyB!.gone], [true, false]);
    assert.equal(one.keys.find("b", "EdDSA")[0], keyB);
    assert.deepEqual([one.keys.knows("a"), one.keys.knows("c")], [false, true]);
    one.state.answer = { keys: [{ ...c, kid: "b" }] };
    one.clock.advance(60_000);
    await one.keys.again();
    assert.equal(keyB!.gone, true, "another key has its name");
    assert.notEqual(one.keys.find("b", "EdDSA")[0], keyB);
  });

  test("a storm of unknown names asks twice at once, then once in each cooldown", async () => {
    using one = stage({ keys: [a] }, { cooldown: 60_000 });
    await one.keys.again();
    for (let i = 0; i < 1_000; i++) await one.keys.again();
    assert.equal(one.state.asked, 3);
    for (let minute = 0; minute < 5; minute++) {
      one.clock.advance(60_000);
      for (let i = 0; i < 100; i++) await one.keys.again();
    }
    assert.equal(one.state.asked, 8);
  });

  test("who comes within the cooldown waits for the next question, which all share", async () => {
    using one = stage({ keys: [a] }, { cooldown: 50 });
    await one.keys.again();
    await one.keys.again();
    await one.keys.again();
    one.state.answer = { keys: [a, b] };
    const waiting = Array.from({ length: 20 }, () => one.keys.again());
    assert.ok(waiting.every((wait) => wait !== undefined));
    await Promise.all(waiting);
    assert.deepEqual([one.state.asked, one.keys.knows("b")], [4, true]);
  });

  test("who was told that there is no such key is not kept waiting for the same answer", async () => {
    using one = stage({ keys: [a] }, { cooldown: 5_000 });
    await one.keys.again();
    await one.keys.again("x");
    assert.equal(one.keys.again("x"), undefined);
    await one.keys.again("y");
    assert.deepEqual([one.keys.again("y"), one.state.asked], [undefined, 3]);
    one.clock.advance(5_000);
    one.state.answer = { keys: [{ ...a, kid: "x" }] };
    await one.keys.again("x");
    assert.deepEqual([one.keys.knows("x"), one.state.asked], [true, 4]);
  });

  test("the last ones are believed while the issuer is down, and no longer than they may be", async () => {
    using one = stage({ keys: [a] }, { refresh: 1_000, staleFor: 10_000, cooldown: 0 });
    await one.keys.again();
    const [key] = one.keys.find("a", "EdDSA");
    one.state.answer = down;
    one.clock.advance(5_000);
    await one.keys.again();
    assert.deepEqual([key!.gone, one.keys.settled, one.keys.knows("a")], [false, false, true]);
    await one.keys.again();
    assert.equal(one.lines.length, 1);
    assert.match(
      one.lines[0]!,
      /^https:\/\/id\.example: its keys cannot be had \(id\.example: ECONNREFUSED\); the last ones/,
    );
    one.clock.advance(6_000);
    await one.keys.again();
    assert.deepEqual([key!.gone, one.keys.knows("a")], [true, false]);
    one.state.answer = { keys: [a] };
    await one.keys.again();
    assert.deepEqual([one.keys.settled, one.keys.knows("a"), one.lines.length], [true, true, 2]);
    assert.match(one.lines[1]!, /known again/);
  });

  test("an answer that is no key set changes nothing, and nothing of it is told", async () => {
    using one = stage({ keys: [a] });
    await one.keys.again();
    one.state.answer = { keys: "hush" };
    await one.keys.again();
    one.state.answer = { hush: 1 };
    await one.keys.again();
    assert.equal(one.keys.knows("a"), true);
    assert.match(one.lines.join("\n"), /its keys cannot be had \(not a JSON Web Key Set/);
    assert.doesNotMatch(one.lines.join("\n"), /hush/);
  });

  test("a set without a key of use takes the last ones back, and is asked for again soon", async () => {
    using one = stage({ keys: [a] });
    await one.keys.again();
    const [key] = one.keys.find("a", "EdDSA");
    one.state.answer = { keys: [], error: "hush" };
    await one.keys.again();
    assert.deepEqual([key!.gone, one.keys.knows("a"), one.keys.settled], [true, false, false]);
    await until("it was asked for again by itself", () => one.lines.length > 0);
    assert.match(one.lines[0]!, /none of its keys can check a signature\); its tokens are refused/);
    one.state.answer = { keys: [a] };
    await until("its keys are known again", () => one.keys.settled);
    assert.equal(one.keys.knows("a"), true);
  });

  test("where nobody is asked nothing is told and nothing planned", async () => {
    using one = stage(new CallFailed("call_dry", "nobody is asked where nothing is served"));
    await assert.rejects(async () => one.keys.again(), /nobody is asked/);
    await assert.rejects(async () => one.keys.again("a"), /nobody is asked/);
    assert.deepEqual([one.lines, one.keys.settled], [[], false]);
  });
});
