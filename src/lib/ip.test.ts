import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { networkSet } from "./ip.ts";

const cases: readonly (readonly [networks: string[], inside: string[], outside: string[]])[] = [
  [[], [], ["10.0.0.1", "::1", ""]],
  [["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::1", "10.0.0", "", "x"]],
  [["192.0.2.7"], ["192.0.2.7"], ["192.0.2.6", "192.0.2.70"]],
  [
    ["192.0.2.128/25", "10.1.2.3/32"],
    ["192.0.2.255", "10.1.2.3"],
    ["192.0.2.127", "10.1.2.4"],
  ],
  [["0.0.0.0/0"], ["1.2.3.4", "255.255.255.255"], ["2001:db8::1"]],
  [["2001:db8::/32"], ["2001:db8::1", "2001:0DB8:ffff::"], ["2001:db9::", "10.0.0.1"]],
  [["fe80::/10"], ["fe80::1", "fe80::1%eth0"], ["fec0::1"]],
  [["::1"], ["::1", "0:0:0:0:0:0:0:1"], ["::2", "127.0.0.1"]],
];

const refused = [
  "",
  "x",
  "10.0.0",
  "10.0.0.256",
  "010.0.0.1",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/ 8",
  "10.0.0.0/0x8",
  "10.0.0.0/8.0",
  "10.0.0.0/8/9",
  "10.0.0.0/255.0.0.0",
  "2001:db8::/129",
  "a.example/8",
  "/8",
];

suite("networks", () => {
  for (const [networks, inside, outside] of cases)
    test(networks.join(" and ") || "none", () => {
      const contains = networkSet(networks);
      for (const address of inside) assert.equal(contains(address), true, address);
      for (const address of outside) assert.equal(contains(address), false, address);
    });

  for (const network of refused)
    test(`refuses ${JSON.stringify(network)}`, () =>
      assert.throws(() => networkSet(["10.0.0.0/8", network]), RangeError));
});
