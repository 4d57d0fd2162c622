import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { testClock } from "../testing/index.ts";
import { Seal } from "./seal.ts";
import { removeSessionCookies, type Session, Sessions } from "./session.ts";

const SEAL = new Seal(["a secret of at least thirty-two characters"], "test");
const RULES = { cookie: "torana", lifetime: 10_000, idle: 4_000, max: 12_000 };

function sessionAt(now: number, claims: Record<string, unknown> = { sub: "alice" }): Session {
  return { id: "one", began: now, given: now, written: now, claims };
}

/** What a browser sends back that had `before` and was told `lines`. */
function browser(lines: readonly string[], before: readonly [string, string][] = []): Fields {
  const jar = new Map(before);
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (line.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, value);
  }
  return jar.size === 0 ? new Fields() : Fields.from({ cookie: text([...jar]) });
}

const text = (pairs: readonly [string, string][]): string => pairs.map((pair) => pair.join("=")).join("; ");

test("a session comes back as it was written, by its own kind of connection only", () => {
  const clock = testClock();
  const sessions = new Sessions(SEAL, RULES, clock);
  const session = sessionAt(clock.wall());
  const lines = sessions.write(session, new Fields(), true)!;
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^__Host-torana=[^;]+; Path=\/; Max-Age=4; SameSite=Lax; Secure; HttpOnly$/);
  const sent = browser(lines);
  assert.deepEqual(sessions.read(sent, true), { session, current: true });
  assert.deepEqual(sessions.read(sent, true), { session, current: true }, "the second time from memory");
  assert.equal(sessions.read(sent, false), "none");
  assert.equal(sessions.read(new Fields(), true), "none");
  assert.equal(sessions.read(Fields.from({ cookie: "__Host-torana=" }), true), "none");
});

test("a session ends after its lifetime and its idle time, also one that is remembered", () => {
  const clock = testClock();
  const sessions = new Sessions(SEAL, RULES, clock);
  const first = sessionAt(clock.wall());
  const sent = browser(sessions.write(first, new Fields(), false)!);
  clock.advance(3_999);
  assert.notEqual(sessions.read(sent, false), "expired");
  clock.advance(1);
  assert.equal(sessions.read(sent, false), "expired");
  const touched = browser(sessions.write({ ...first, written: clock.wall() }, sent, false)!);
  assert.notEqual(sessions.read(touched, false), "expired");
  clock.advance(3_500);
  const last = sessions.write({ ...first, written: clock.wall() }, touched, false)!;
  assert.match(last[0]!, /Max-Age=2;/, "no longer than its lifetime");
  clock.advance(2_500);
  assert.equal(sessions.read(browser(last), false), "expired");
});

test("a large session takes several cookies, and takes back those that it needs no more", () => {
  const clock = testClock();
  const sessions = new Sessions(SEAL, RULES, clock);
  const large = sessionAt(clock.wall(), { sub: "alice", groups: "x".repeat(6_000) });
  const lines = sessions.write(large, new Fields(), false)!;
  assert.equal(lines.length, 3);
  for (const line of lines) assert.ok(line.length < 4_096, `${line.length}`);
  const sent = browser(lines);
  assert.deepEqual(sessions.read(sent, false), { session: large, current: true });
  const small = sessions.write(sessionAt(clock.wall()), sent, false)!;
  const gone = small.filter((line) => line.includes("Max-Age=0")).map((line) => line.replace(/=.*/, ""));
  assert.deepEqual(gone, ["torana-1", "torana-2"]);
  const cut = Fields.from({ cookie: sent.get("cookie")!.replace(/torana-1=[^;]*; /, "") });
  assert.equal(sessions.read(cut, false), "invalid");
  assert.deepEqual(
    sessions.clear(sent, false).map((line) => line.replace(/=.*/, "")),
    ["torana", "torana-1", "torana-2"],
  );
  const huge = sessionAt(clock.wall(), { sub: "alice", groups: "x".repeat(12_000) });
  assert.equal(sessions.write(huge, new Fields(), false), undefined);
});

test("no cookie of a session or a login goes on, whatever a client made of its name", () => {
  const fields = Fields.from({
    cookie: "torana=1; __Host-torana-1=2; toranas=3; torana-login-x=4; a=torana; __Host-torana=5",
  });
  removeSessionCookies(fields, "torana");
  assert.equal(fields.get("cookie"), "toranas=3; a=torana");
});
