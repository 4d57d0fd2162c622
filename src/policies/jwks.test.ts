import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { jwkOf } from "../../test/support/tokens.ts";
import { describePolicy } from "../testing/index.ts";
import { jwks } from "./jwks.ts";

const pem = (key: KeyObject): string => String(key.export({ type: "pkcs8", format: "pem" }));
const key = pem(generateKeyPairSync("ed25519").privateKey);
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-384" });

describePolicy(jwks, {
  refused: [
    { options: { keys: [] }, message: /keys/ },
    { options: { keys: ["hello"] }, message: /keys\[0\]: not a key in PEM/ },
    { options: { keys: [{ kty: "oct", k: "AAAA" }] }, message: /keys\[0\]: a secret key is not published/ },
    { options: { keys: [key, key] }, message: /two have the same kid/ },
  ],
  steps: [
    {
      title: "publishes public halves only",
      options: { keys: [key, pem(rsa.privateKey), jwkOf(ec.privateKey, { kid: "mine" })], maxAge: "1m" },
      check({ reply, sent }) {
        const { keys } = JSON.parse(String(reply.body)) as { keys: Record<string, unknown>[] };
        assert.deepEqual(
          keys.map((one) => [one["kty"], one["alg"], one["use"]]),
          [
            ["OKP", "EdDSA", "sig"],
            ["RSA", "RS256", "sig"],
            ["EC", "ES384", "sig"],
          ],
        );
        assert.equal(keys[2]!["kid"], "mine");
        for (const one of keys)
          for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.equal(secret in one, false);
        assert.equal(reply.fields.get("content-type"), "application/jwk-set+json");
        assert.equal(reply.fields.get("cache-control"), "public, max-age=60");
        assert.equal(sent.length, 0);
      },
    },
  ],
  wire: {
    title: "publishes keys",
    options: { keys: [key] },
    check: ({ reply }) => assert.equal(reply.status, 200),
  },
});
