import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { z } from "zod";
import { jwkOf } from "../../test/support/tokens.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { jwks } from "./jwks.ts";
import { jwt } from "./jwt.ts";
import { mintJwt } from "./mint-jwt.ts";

const pem = (key: KeyObject): string => String(key.export({ type: "pkcs8", format: "pem" }));
const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-384" });
const key = pem(ed.privateKey);
const issuer = "https://gateway.example";

describePolicy(mintJwt, {
  refused: [
    { options: { issuer, key: "hello" }, message: /not a private key in PEM/ },
    {
      options: { issuer, key: String(ed.publicKey.export({ type: "spki", format: "pem" })) },
      message: /not a private key/,
    },
    { options: { issuer, key, algorithm: "RS256" }, message: /the key does not fit RS256/ },
    { options: { issuer, key, ttl: "1s" }, message: /ttl: a token of less than two seconds/ },
    {
      options: { issuer, key, claims: { exp: "claims.exp" } },
      message: /exp is written by the options of its own/,
    },
    { options: { issuer, key, claims: { a: "nothing" } }, message: /not known of who calls/ },
    { options: { key }, message: /issuer/ },
  ],
  steps: [
    {
      title: "says nothing of nobody, and takes a client's own word away",
      options: { issuer, key, header: "x-identity" },
      request: {
        method: "POST",
        fields: { "x-identity": "mine", x_identity: "mine" },
        body: ["a"],
        trailers: { "x-identity": "mine", X_Identity: "mine" },
      },
      check({ sent }) {
        assert.doesNotMatch(JSON.stringify([...sent[0]!.fields.entries()]), /mine/);
        assert.doesNotMatch(JSON.stringify([...(sent[0]!.trailers?.entries() ?? [])]), /mine/);
      },
    },
  ],
  wire: {
    title: "takes a client's own word away",
    options: { issuer, key },
    request: { fields: { authorization: "Bearer mine" } },
    check: ({ sent }) => assert.equal(sent[0]!.fields.has("authorization"), false),
  },
});

/** Who calls is what `x-as` says. */
const known: PolicyDefinition = definePolicy({
  name: "known",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    const name = x.request.field("x-as");
    if (name !== undefined) x.consumer = { name, groups: ["a", "b"] };
    return undefined;
  },
});

function read(written: string | undefined): {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
} {
  const [header, claims] = (written ?? "")
    .replace("Bearer ", "")
    .split(".", 2)
    .map((part) => JSON.parse(String(Buffer.from(part, "base64url"))));
  return { header, claims };
}

test("mint-jwt: one token for each identity until half of its life is over", async () => {
  const clock = testClock(1_700_000_000_000);
  const policies = [
    { known: {} },
    { "mint-jwt": { issuer, key, audience: "shop", ttl: "60s", claims: { groups: "consumer.groups" } } },
  ];
  const gateway = memoryGateway({ policies: [known, mintJwt], config: { policies }, clock });
  const send = async (as: string): Promise<string | undefined> =>
    (await gateway.send({ fields: { "x-as": as } })).sent[0]!.fields.get("authorization");
  const one = await send("alice");
  const [same, other] = [await send("alice"), await send("bob")];
  assert.equal(one, same);
  assert.notEqual(one, other);
  const { header, claims } = read(one);
  assert.deepEqual([header["alg"], header["typ"]], ["EdDSA", "JWT"]);
  assert.deepEqual(claims, {
    iss: issuer,
    sub: "alice",
    aud: "shop",
    groups: ["a", "b"],
    iat: 1_700_000_000,
    exp: 1_700_000_060,
  });
  clock.advance(29_999);
  assert.equal(await send("alice"), one);
  clock.advance(1);
  assert.equal(read(await send("alice")).claims["iat"], 1_700_000_030);
  gateway.close();
});

test("mint-jwt: what it signs the policy jwt lets in by what the policy jwks publishes", async () => {
  const keys = [key, pem(rsa.privateKey), pem(ec.privateKey), jwkOf(ed.privateKey, { kid: "named" })];
  const publisher = memoryGateway({ policies: [jwks], config: { policies: [{ jwks: { keys } }] } });
  const set = JSON.parse(String((await publisher.send()).reply.body));
  publisher.close();
  for (const [i, one] of keys.entries()) {
    const minter = memoryGateway({
      policies: [known, mintJwt],
      config: { policies: [{ known: {} }, { "mint-jwt": { issuer, key: one, audience: ["a", "b"] } }] },
    });
    const { sent } = await minter.send({ fields: { "x-as": "Zoë" } });
    const authorization = sent[0]!.fields.get("authorization")!;
    minter.close();
    const verifier = memoryGateway({
      policies: [jwt],
      config: { policies: [{ jwt: { issuer, jwks: set, audience: "b" } }] },
    });
    const { reply, exchange } = await verifier.send({ fields: { authorization } });
    assert.deepEqual([reply.status, exchange.claims?.["sub"]], [200, "Zoë"], `key ${i}`);
    verifier.close();
  }
});
