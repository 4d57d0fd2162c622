import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKey } from "./address-key.ts";

test("addresses of one network have one key", () => {
  const cases: [address: string, v4: number, v6: number, key: string][] = [
    ["192.0.2.9", 32, 64, "192.0.2.9"],
    ["192.0.2.9", 24, 64, "192.0.2.0/24"],
    ["255.255.255.255", 8, 64, "255.0.0.0/8"],
    ["2001:db8::1", 32, 64, "2001:db8:0:0:0:0:0:0/64"],
    ["2001:db8:0:0:ffff::", 32, 64, "2001:db8:0:0:0:0:0:0/64"],
    ["2001:DB8:1:2:3:4:5:6", 32, 56, "2001:db8:1:0:0:0:0:0/56"],
    ["2001:db8::1", 32, 128, "2001:db8:0:0:0:0:0:1/128"],
    ["::", 32, 48, "0:0:0:0:0:0:0:0/48"],
    ["::ffff:192.0.2.9", 32, 64, "192.0.2.9"],
    ["::FFFF:192.0.2.9", 24, 64, "192.0.2.0/24"],
    ["64:ff9b::192.0.2.9", 32, 128, "64:ff9b:0:0:0:0:c000:209/128"],
    ["fe80::1%eth0", 32, 64, "fe80:0:0:0:0:0:0:0/64"],
    ["unknown", 24, 64, "unknown"],
    ["a:b", 24, 64, "a:b"],
  ];
  for (const [address, v4, v6, key] of cases) assert.equal(addressKey(address, { v4, v6 }), key, address);
});
