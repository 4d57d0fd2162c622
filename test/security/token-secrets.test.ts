/** Secrets in the options of policies about tokens are known as such, so that nothing shows them. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { secretsIn } from "../../src/config/secret-options.ts";
import type { PolicyDefinition } from "../../src/pipeline/policy.ts";
import { clientCredentials } from "../../src/policies/client-credentials.ts";
import { introspection } from "../../src/policies/introspection.ts";
import { jwks } from "../../src/policies/jwks.ts";
import { jwt } from "../../src/policies/jwt.ts";
import { mintJwt } from "../../src/policies/mint-jwt.ts";
import { jwkOf } from "../support/tokens.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
const jwk = jwkOf(privateKey);
const SECRET = "a secret that nobody may see";

const CASES: readonly (readonly [PolicyDefinition, object, paths: string[]])[] = [
  [jwt, { secret: SECRET }, ["secret"]],
  [jwt, { issuers: [{ issuer: "a", secret: SECRET }] }, ["issuers.0.secret"]],
  [jwt, { keys: [{ kty: "oct", k: SECRET }] }, ["keys"]],
  [jwt, { jwks: { keys: [{ kty: "oct", k: SECRET }] } }, ["jwks.keys"]],
  [introspection, { clientSecret: SECRET }, ["clientSecret"]],
  [clientCredentials, { clientSecret: SECRET }, ["clientSecret"]],
  [mintJwt, { key: pem }, ["key"]],
  [mintJwt, { key: jwk }, ["key"]],
  [jwks, { keys: [pem, jwk] }, ["keys"]],
];

describe("secrets in options about tokens", () => {
  for (const [policy, options, paths] of CASES)
    it(`${policy.name}: ${paths.join()}`, () => {
      const found = secretsIn(policy.options, options);
      assert.deepEqual(
        found.map(({ path }) => path.join(".")),
        paths,
      );
      assert.ok(found.every(({ texts }) => texts.length > 0));
    });
});
