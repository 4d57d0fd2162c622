import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { hmac } from "../../src/policies/hmac.ts";
import { messageSignaturesPolicy } from "../../src/policies/message-signatures.ts";
import { memoryGateway, testClock } from "../../src/testing/index.ts";
import { seeded } from "../support/raw.ts";

const SECRET = "sixteen characters, and more";
const NOW = 1_700_000_000;
const clock = testClock(NOW * 1_000);
const DATE = new Date(NOW * 1_000).toUTCString();
const consumers = [{ name: "billing", hmac: [{ id: "k1", secret: SECRET }] }];

const signed = (text: string): string => createHmac("sha256", SECRET).update(text).digest("base64");
const LIST = `("@method" "@target-uri" "priority";sf);created=${NOW};keyid="k1";nonce="n"`;
const BASE = `"@method": GET\n"@target-uri": http://a.example/a?b\n"priority";sf: u=1, i\n"@signature-params": ${LIST}`;

/** Requests that hold, by the policy that lets them in. */
const good: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  hmac: {
    date: DATE,
    authorization: `hmac keyId="k1", algorithm="hmac-sha256", headers="@request-target date", signature="${signed(`@request-target: get /a?b\ndate: ${DATE}`)}"`,
  },
  "message-signatures": {
    priority: "u=1, i",
    "signature-input": `s=${LIST}`,
    signature: `s=:${signed(BASE)}:`,
  },
};

const PIECES = [
  ...[
    '"',
    ":",
    ";",
    "=",
    ",",
    "(",
    ")",
    "\\",
    " ",
    "@",
    "?1",
    "%",
    "-",
    "9".repeat(20),
    "keyid",
    "\xe9",
    "é",
    "s=()",
    ";sf",
    ';key="u"',
  ],
  ...["__proto__", "constructor", "@query-param", "content-digest", "date", "created", "=:AA==:", "\t"],
];

function mutated(random: () => number, text: string): string {
  const at = Math.floor(random() * (text.length + 1));
  const piece = random() < 0.75 ? PIECES[Math.floor(random() * PIECES.length)]! : "";
  return text.slice(0, at) + piece + text.slice(at + Math.floor(random() * 4));
}

/** Reasons with which what is not right may be refused. */
const REFUSED = /^(?:hmac|signature)_(?:missing|malformed|insufficient|untimely|algorithm|wrong)$/;

for (const policy of [hmac, messageSignaturesPolicy])
  test(`whatever ${policy.name} is sent, it refuses with a reason of its own, or knows who signed`, async () => {
    const gateway = memoryGateway({
      policies: [policy],
      config: { policies: [{ [policy.name]: {} }], consumers },
      clock,
    });
    const random = seeded(9_421);
    const fields = good[policy.name]!;
    const first = await gateway.send({ target: "/a?b", fields });
    assert.equal(first.exchange.consumer?.name, "billing");
    const reasons = new Set<string>();
    for (let i = 0; i < 4_000; i++) {
      const names = Object.keys(fields);
      const name = names[Math.floor(random() * names.length)]!;
      let value = fields[name]!;
      for (let n = 1 + Math.floor(random() * 3); n > 0; n--) value = mutated(random, value);
      value = value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "").trim();
      const { exchange } = await gateway.send({ target: "/a?b", fields: { ...fields, [name]: value } });
      const reason = exchange.outcome?.reason;
      if (reason === undefined) assert.equal(exchange.consumer?.name, "billing");
      else assert.match(reason, REFUSED, JSON.stringify([name, value]));
      reasons.add(reason ?? "in");
    }
    assert.ok(reasons.size >= 4, [...reasons].join());
    gateway.close();
  });
