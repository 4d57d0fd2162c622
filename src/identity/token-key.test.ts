import assert from "node:assert/strict";
import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { ALGORITHM_NAMES, ALGORITHMS, isSignedBy, signedToken, suits } from "./algorithms.ts";
import { keyOfJwk, keyOfPem, keyOfSecret, keysOfSet } from "./token-key.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2_048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 });
const ec = Object.fromEntries(
  ["P-256", "P-384", "P-521", "secp256k1"].map((namedCurve) => [
    namedCurve,
    generateKeyPairSync("ec", { namedCurve }),
  ]),
);
const ed25519 = generateKeyPairSync("ed25519");
const ed448 = generateKeyPairSync("ed448");
const jwk = (key: { export(options: { format: "jwk" }): object }): Record<string, unknown> => ({
  ...key.export({ format: "jwk" }),
});

describe("algorithms", () => {
  test("each works with its kind of key and no other", async () => {
    const keys = {
      HS256: createSecretKey(Buffer.alloc(32, 1)),
      HS512: createSecretKey(Buffer.alloc(64, 1)),
      RS256: rsa,
      ES256: ec["P-256"]!,
      ES384: ec["P-384"]!,
      ES512: ec["P-521"]!,
      EdDSA: ed25519,
    };
    const fits: Record<string, string[]> = {};
    for (const [name, key] of Object.entries(keys)) {
      const open = "publicKey" in key ? key.publicKey : key;
      fits[name] = ALGORITHM_NAMES.filter((one) => suits(ALGORITHMS.get(one)!, open));
      const secret = "privateKey" in key ? key.privateKey : key;
      const token = await signedToken({ alg: name, kid: "a", typ: "JWT" }, '{"a":1}', secret);
      const [head, payload, signature] = token.split(".") as [string, string, string];
      assert.equal(await isSignedBy(token, name, open), true, name);
      const others = ALGORITHM_NAMES.filter((one) => one !== name);
      for (const other of others)
        assert.equal(await isSignedBy(token, other, open), false, `${name} as ${other}`);
      const forged = [
        `${head}.${payload}x.${signature}`,
        `${head}.${payload}.${signature.slice(4)}`,
        `${head}.${payload}.${"A".repeat(signature.length)}`,
        `${head}.${payload}.`,
        `${head}.${payload}`,
      ];
      for (const one of forged) assert.equal(await isSignedBy(one, name, open), false, one);
    }
    assert.deepEqual(fits, {
      HS256: ["HS256"],
      HS512: ["HS256", "HS384", "HS512"],
      RS256: ["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"],
      ES256: ["ES256"],
      ES384: ["ES384"],
      ES512: ["ES512"],
      EdDSA: ["EdDSA", "Ed25519"],
    });
    assert.equal(ALGORITHMS.has("none"), false);
  });
});

describe("keys of tokens", () => {
  test("say by which algorithms they are used, never a token", () => {
    const names = (key: { algorithms: ReadonlySet<string> }): string[] => [...key.algorithms];
    assert.deepEqual(names(keyOfJwk({ ...jwk(rsa.publicKey), alg: "PS384" })), ["PS384"]);
    assert.deepEqual(
      names(keyOfPem(String(rsa.publicKey.export({ type: "spki", format: "pem" })), ["RS512"])),
      ["RS512"],
    );
    assert.deepEqual(names(keyOfSecret("x".repeat(64))), ["HS256"]);
    assert.deepEqual(names(keyOfSecret("x".repeat(64), ["HS512", "RS256"])), ["HS512"]);
    assert.deepEqual(names(keyOfJwk(jwk(ed25519.publicKey))), ["EdDSA", "Ed25519"]);
  });

  test("what signs nothing, or is too weak, is refused with its cure", () => {
    const refused: [make: () => unknown, message: RegExp][] = [
      [
        () => keyOfPem(String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }))),
        /private key.*public one/,
      ],
      [() => keyOfPem("hello"), /not a public key or certificate in PEM/],
      [() => keyOfSecret("short"), /5 octets, too few for HS256; take at least/],
      [() => keyOfSecret("x".repeat(40), ["HS512"]), /too few for HS512/],
      [() => keyOfJwk(jwk(weak.publicKey)), /1024 bits is too weak; take 2048/],
      [() => keyOfJwk(jwk(ed448.publicKey)), /no algorithm .* ed448/],
      [
        () => keyOfPem(String(pss.publicKey.export({ type: "spki", format: "pem" }))),
        /no algorithm .* rsa-pss/,
      ],
      [() => keyOfJwk(jwk(ec["secp256k1"]!.publicKey)), /no algorithm .* ec secp256k1/],
      [() => keyOfJwk({ ...jwk(rsa.publicKey), use: "enc" }), /its use is enc/],
      [() => keyOfJwk({ ...jwk(rsa.publicKey), key_ops: ["encrypt"] }), /key_ops/],
      [() => keyOfJwk({ ...jwk(rsa.publicKey), alg: "RSA-OAEP" }), /no algorithm of RSA-OAEP/],
      [() => keyOfJwk({ ...jwk(rsa.publicKey), alg: "HS256" }), /no algorithm/],
      [() => keyOfJwk({ ...jwk(rsa.publicKey), kid: 1 }), /kid is no text/],
      [() => keyOfJwk({ kty: "oct" }), /octets in k/],
      [() => keyOfJwk({ kty: "RSA" }), /not a JSON Web Key/],
      [() => keyOfJwk("x"), /not a JSON Web Key/],
    ];
    for (const [make, message] of refused) assert.throws(make, message);
  });

  test("of a set from outside only those count that can check a signature", () => {
    const keys = keysOfSet({
      keys: [
        { kty: "oct", k: "A".repeat(86), kid: "secret" },
        { kty: "unheard-of" },
        null,
        "x",
        jwk(weak.publicKey),
        { ...jwk(rsa.publicKey), use: "enc" },
        { ...jwk(ec["P-256"]!.publicKey), kid: "good" },
      ],
    });
    assert.deepEqual(
      keys.map(({ id }) => id),
      ["good"],
    );
    assert.deepEqual(keysOfSet({ keys: [] }), []);
    assert.throws(() => keysOfSet([]), /no list of keys/);
    assert.throws(() => keysOfSet({ keys: Array(300).fill({}) }), /more than 256/);
    assert.deepEqual(keysOfSet({ keys: [jwk(rsa.publicKey)] }, ["ES256"]), []);
  });

  test("the same key with the same name is known again; anything else is another", () => {
    const a = keyOfJwk({ ...jwk(rsa.publicKey), kid: "1" });
    assert.equal(keyOfJwk({ kid: "1", use: "sig", ...jwk(rsa.publicKey) }).print, a.print);
    const others = [
      keyOfJwk({ ...jwk(rsa.publicKey), kid: "2" }),
      keyOfJwk({ ...jwk(rsa.publicKey), kid: "1", alg: "RS256" }),
      keyOfJwk({ ...jwk(ed25519.publicKey), kid: "1" }),
    ];
    for (const other of others) assert.notEqual(other.print, a.print);
  });
});
