import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientsConfig } from "../../config/tls-schema.ts";
import { HostTable } from "./host-table.ts";
import { Requirements, requirementHost } from "./requirements.ts";
import { newTicketSecret, ticketKeys } from "./ticket-keys.ts";

const entry = (hosts: string[], more: Partial<ClientsConfig> = {}): ClientsConfig => ({
  hosts,
  verify: "required",
  ca: "A",
  ...more,
});

test("the first entry that fits a host holds; *.name covers every depth, and not the name itself", () => {
  const asked = new Requirements([
    entry(["open.internal.example"], { verify: "optional" }),
    entry(["*.internal.example"]),
  ]);
  assert.equal(asked.of("open.internal.example").verify, "optional");
  assert.equal(asked.of("a.internal.example").verify, "required");
  assert.equal(asked.of("b.a.internal.example").verify, "required");
  assert.equal(asked.of("internal.example").verify, "none");
  assert.equal(asked.of("xinternal.example").verify, "none");
  assert.equal(asked.of("").verify, "none");
  assert.equal(asked.uniform, false);
});

test("an entry without hosts holds for all, also for who names none", () => {
  const asked = new Requirements([entry([])]);
  assert.equal(asked.uniform, true);
  assert.equal(asked.of("").verify, "required");
  assert.equal(asked.of("any.example").verify, "required");
});

test("the same demands have one id, others another, and none an empty one", () => {
  const id = (more: Partial<ClientsConfig>): string => new Requirements([entry([], more)]).of("a").id;
  assert.equal(id({}), id({}));
  assert.notEqual(id({}), id({ ca: "B" }));
  assert.notEqual(id({}), id({ crl: "R" }));
  assert.notEqual(id({}), id({ verify: "optional" }));
  assert.equal(new Requirements([]).of("a").id, "");
});

test("what is known of hosts does not grow without end", () => {
  const asked = new Requirements([entry(["*.internal.example"])]);
  for (let i = 0; i < 5_000; i++) asked.of(`${i}.example`);
  assert.equal(asked.of("a.internal.example").verify, "required");
});

test("an authority's host is without port, case and the root's dot", () => {
  for (const authority of ["a.example", "A.Example:8443", "a.example.", "a.example.:443", "a.example:"])
    assert.equal(requirementHost(authority), "a.example");
  assert.equal(requirementHost("[::1]:8443"), "[::1]");
  assert.equal(requirementHost(""), "");
});

test("certificates: *.name covers one label, an exact name goes first", () => {
  const table = new HostTable<string>(false);
  table.add("*.example", "wild");
  table.add("a.example", "exact");
  table.add("a.example", "later");
  assert.equal(table.get("a.example"), "exact");
  assert.equal(table.get("b.example"), "wild");
  assert.equal(table.get("c.b.example"), undefined);
  assert.equal(table.get("example"), undefined);
  assert.equal(table.get(""), undefined);
});

test("ticket keys differ by secret and by requirement", () => {
  const secret = newTicketSecret();
  assert.equal(ticketKeys(secret, "").length, 48);
  assert.deepEqual(ticketKeys(secret, "a"), ticketKeys(secret, "a"));
  assert.notDeepEqual(ticketKeys(secret, "a"), ticketKeys(secret, ""));
  assert.notDeepEqual(ticketKeys(newTicketSecret(), "a"), ticketKeys(secret, "a"));
  assert.notDeepEqual(ticketKeys(secret, "").subarray(0, 48), secret);
});
