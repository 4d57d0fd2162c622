import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { z } from "zod";
import { publicKeyOf } from "../identity/signature-algorithms.ts";
import { definePolicy } from "../pipeline/policy.ts";
import {
  describePolicy,
  memoryGateway,
  type PolicyRun,
  type SentRequest,
  testClock,
} from "../testing/index.ts";
import { messageSignaturesPolicy } from "./message-signatures.ts";
import { signPolicy } from "./sign.ts";

const SECRET = "sixteen characters, and more";
const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }) as string;
/** The clock of the tests stands on 2023-11-14T22:13:20Z. */
const clock = testClock();

const signatureIn = ({ fields }: SentRequest): [string, string] => [
  fields.get("signature-input") ?? "",
  fields.get("signature") ?? "",
];

/** Lets a gateway with `message-signatures` judge what another one sent. */
async function judged(sent: SentRequest, publicKey: KeyObject): Promise<unknown> {
  const spki = publicKey.export({ type: "spki", format: "pem" }) as string;
  assert.ok(publicKeyOf(spki));
  const gateway = memoryGateway({
    policies: [messageSignaturesPolicy],
    config: {
      policies: [{ "message-signatures": { covers: ["@method", "@authority", "@path", "@query"] } }],
      consumers: [{ name: "gateway", signatures: [{ id: "g", publicKey: spki }] }],
    },
    clock,
  });
  const fields = Object.fromEntries(
    [...sent.fields.entries()].filter(([name]) =>
      /^(?:signature|signature-input|content-digest)$/.test(name),
    ),
  );
  const run = await gateway.send({
    method: sent.method,
    target: sent.target,
    host: "a.example",
    fields,
    body: sent.body,
  });
  gateway.close();
  return run.exchange.outcome?.reason ?? run.exchange.consumer?.name;
}

describePolicy(signPolicy, {
  refused: [
    { options: { key: "short", keyId: "g" }, message: /shorter than 16/ },
    { options: { key: SECRET }, message: /keyId/ },
    { options: { key: SECRET, keyId: "g", algorithm: "ed25519" }, message: /does not work with ed25519/ },
    { options: { key: "-----BEGIN PRIVATE KEY-----\nAA==\n", keyId: "g" }, message: /not a private key/ },
    { options: { key: SECRET, keyId: "g", covers: ["content-length"] }, message: /cannot be signed/ },
    { options: { key: SECRET, keyId: "g", covers: ["@path;req"] }, message: /cannot be signed/ },
    { options: { key: SECRET, keyId: "g", covers: ["date;x"] }, message: /cannot be signed/ },
    { options: { key: SECRET, keyId: "g", covers: ["x-sum;tr"] }, message: /cannot be signed/ },
    { options: { key: SECRET, keyId: "g", label: "A" }, message: /not a label/ },
  ],
  steps: [
    {
      title: "signs with a secret, and takes what a client signed away",
      options: {
        key: SECRET,
        keyId: "g",
        tag: "t",
        expires: "1m",
        covers: ["@method", "@path", "accept", "x-none"],
      },
      request: { target: "/a?b", fields: { accept: "*/*", signature: "x", signature_input: "y" } },
      clock,
      check({ sent: [sent] }) {
        const list =
          '("@method" "@path" "accept");created=1700000000;expires=1700000060;keyid="g";alg="hmac-sha256";tag="t"';
        const base = `"@method": GET\n"@path": /a\n"accept": */*\n"@signature-params": ${list}`;
        const made = createHmac("sha256", SECRET).update(base).digest("base64");
        assert.deepEqual(signatureIn(sent!), [`gateway=${list}`, `gateway=:${made}:`]);
        assert.equal(sent!.fields.has("signature_input"), false);
        assert.equal(sent!.fields.has("content-digest"), false);
      },
    },
    ...Object.entries({ ed, rsa, p384 }).map(([name, { privateKey, publicKey }]) => ({
      title: `makes what message-signatures takes, by ${name}`,
      options: { key: pem(privateKey), keyId: "g", nonce: true },
      request: { method: "POST", target: "/a?b=1", body: ["hel", "lo"] },
      clock,
      async check({ sent: [sent] }: PolicyRun) {
        assert.equal(
          sent!.fields.get("content-digest"),
          `sha-256=:${createHash("sha256").update("hello").digest("base64")}:`,
        );
        assert.match(sent!.fields.get("signature-input") ?? "", /nonce="[\w-]{22}"/);
        assert.equal(sent!.body.toString(), "hello");
        assert.equal(await judged(sent!, publicKey), "gateway");
        assert.equal(
          await judged({ ...sent!, body: Buffer.from("hallo") }, publicKey),
          "signature_digest_wrong",
        );
        assert.equal(await judged({ ...sent!, target: "/b" }, publicKey), "signature_wrong");
      },
    })),
    {
      title: "leaves a body alone where it is told to",
      options: { key: SECRET, keyId: "g", digest: "none" as const },
      request: { method: "POST", body: ["a"] },
      check: ({ sent: [sent] }) => assert.equal(sent!.fields.has("content-digest"), false),
    },
    {
      title: "holds no more of a body than it may",
      options: { key: SECRET, keyId: "g", max: 1 },
      request: { method: "POST", body: "ab" },
      check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [413, 0]),
    },
  ],
  wire: {
    title: "signs",
    options: { key: SECRET, keyId: "g" },
    check: ({ reply, sent }) =>
      assert.deepEqual([reply.status, sent[0]?.fields.has("signature")], [200, true]),
  },
});

test("does not sign a body that another policy changes as it passes", async () => {
  const upper = definePolicy({
    name: "upper",
    phase: "request",
    options: z.strictObject({}),
    compile: () => ({ body: { request: "stream" }, requestBody: () => ({ chunk: (bytes) => bytes }) }),
  });
  const gateway = memoryGateway({
    policies: [upper, signPolicy],
    config: { policies: [{ upper: {} }, { sign: { key: SECRET, keyId: "g" } }] },
  });
  const run = await gateway.send({ method: "POST", body: "a" });
  assert.deepEqual([run.exchange.outcome?.reason, run.sent.length], ["sign_body_changed", 0]);
  gateway.close();
});
