import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "../../test/support/wait.ts";
import { testClock } from "../testing/index.ts";
import { Revocations } from "./revocations.ts";

function stage(first?: string, staleFor = 60_000) {
  const clock = testClock();
  const lines: string[] = [];
  const state: { list: string | undefined | Error; asked: number } = { list: undefined, asked: 0 };
  const load = async (): Promise<Uint8Array | undefined> => {
    state.asked++;
    if (state.list instanceof Error) throw state.list;
    return state.list === undefined ? undefined : Buffer.from(state.list);
  };
  const options = {
    load,
    name: "list",
    every: 5,
    staleFor,
    clock,
    tell: (line: string) => void lines.push(line),
  };
  const list = new Revocations(options, first === undefined ? undefined : Buffer.from(first));
  const kind = (claims: object): string | undefined => list.faultOf(claims as Record<string, unknown>)?.kind;
  return { clock, lines, state, list, kind, [Symbol.dispose]: () => list.close() };
}

describe("lists of revoked tokens", () => {
  test("name tokens, sessions, and what a subject had up to a second", () => {
    using one = stage(
      JSON.stringify([
        { jti: "1" },
        { jti: "2", iss: "https://a.example" },
        { sid: "s" },
        { sub: "bob", before: 1_000 },
        { sub: "bob", before: "1970-01-01T00:10:00Z" },
        { sub: "eve" },
      ]),
    );
    const revoked = [
      { jti: "1", iss: "https://b.example" },
      { jti: "2", iss: "https://a.example" },
      { sid: "s" },
      { sub: "bob", iat: 1_000 },
      { sub: "bob" },
      { sub: "eve", iat: 9_999_999_999 },
    ];
    const others = [
      {},
      { jti: "2", iss: "https://b.example" },
      { jti: 1 },
      { sid: "t" },
      { sub: "bob", iat: 1_001 },
    ];
    for (const claims of revoked) assert.equal(one.kind(claims), "revoked", JSON.stringify(claims));
    for (const claims of others) assert.equal(one.kind(claims), undefined, JSON.stringify(claims));
  });

  test("that are none are refused with the place", () => {
    const refused: [list: string, message: RegExp][] = [
      ["{}", /not a JSON list/],
      ["[{}]", /entry 1: it has neither jti nor sid nor sub/],
      ['[{"jti":"1"},null]', /entry 2/],
      ['[{"sub":"a","before":"soon"}]', /entry 1: before is neither/],
      ['[{"jti":"1","iss":1}]', /entry 1: iss/],
      ["[", /JSON/],
    ];
    for (const [list, message] of refused) assert.throws(() => stage(list), message);
  });

  test("are asked for again; one that is none leaves the last one in force, and is told once", async () => {
    using one = stage("[]");
    const before = one.list.generation;
    one.state.list = '[{"jti":"1"}]';
    await until("the list is another", () => one.list.generation > before);
    assert.equal(one.kind({ jti: "1" }), "revoked");
    one.state.list = "[{}]";
    await until("it is told", () => one.lines.length > 0);
    one.state.list = undefined;
    const { asked } = one.state;
    await until("it was asked for again", () => one.state.asked > asked + 1);
    assert.equal(one.kind({ jti: "1" }), "revoked");
    assert.equal(one.lines.length, 1);
    one.state.list = "[]";
    await until("it is known again", () => one.lines.length > 1);
    assert.equal(one.kind({ jti: "1" }), undefined);
  });

  test("that nobody has refuse all tokens: at first, and when the last one is too old", async () => {
    using none = stage();
    none.state.list = new Error("down");
    assert.equal(none.list.pending, true);
    await none.list.asked;
    assert.deepEqual([none.list.pending, none.kind({})], [false, "revocations_unavailable"]);
    using one = stage("[]");
    one.state.list = new Error("down");
    await until("it is told", () => one.lines.length > 0);
    assert.equal(one.kind({}), undefined);
    const { generation } = one.list;
    one.clock.advance(60_006);
    assert.equal(one.list.generation, generation + 1);
    assert.equal(one.kind({}), "revocations_unavailable");
    using first = stage("[]");
    first.state.list = new Error("down");
    await until("it is told", () => first.lines.length > 0);
    first.clock.advance(60_006);
    assert.equal(first.kind({}), "revocations_unavailable", "the first token that is held against it too");
  });
});
