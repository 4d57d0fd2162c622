/** A good token with any one character changed, left out or doubled is no token. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenFault } from "../../src/identity/jws.ts";
import { JwtVerifier } from "../../src/identity/jwt-verifier.ts";
import { StaticKeys } from "../../src/identity/key-source.ts";
import { keyOfJwk, keyOfSecret } from "../../src/identity/token-key.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { inSeconds, jwkOf, keyPair, token } from "../support/tokens.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ~\u00e9";

function verifierOf(key: ReturnType<typeof keyOfSecret>): JwtVerifier {
  const issuers = [{ issuer: "a", keys: new StaticKeys([key]), audience: [] }];
  const times = { skew: 0, requireExpiry: true, maxAge: undefined };
  const rest = { max: 8_192, types: new Set(["jwt"]), required: [], scopes: [], revocations: undefined };
  return new JwtVerifier({ issuers, ...times, ...rest, check: () => undefined }, systemClock);
}

/** All texts that are one change away; of each place two other characters. */
function* mutations(good: string): Generator<string> {
  for (let at = 0; at < good.length; at++) {
    const code = ALPHABET.indexOf(good[at]!);
    for (const by of [1, 37])
      yield good.slice(0, at) + ALPHABET[(code + by) % ALPHABET.length]! + good.slice(at + 1);
    yield good.slice(0, at) + good.slice(at + 1);
    yield good.slice(0, at) + good[at]! + good.slice(at);
    if (at + 1 < good.length && good[at] !== good[at + 1])
      yield good.slice(0, at) + good[at + 1]! + good[at]! + good.slice(at + 2);
  }
}

describe("a token with one change", () => {
  for (const alg of ["HS256", "ES256", "EdDSA", "RS256", "PS256"])
    it(`is refused: ${alg}`, async () => {
      const pair = alg === "HS256" ? undefined : keyPair(alg);
      const verifier = verifierOf(
        pair === undefined ? keyOfSecret(SECRET) : keyOfJwk(jwkOf(pair.publicKey, { alg })),
      );
      const good = token({ alg, typ: "JWT" }, { iss: "a", exp: inSeconds(600) }, pair?.privateKey ?? SECRET);
      let tried = 0;
      for (const known of [false, true]) {
        if (known) assert.ok(!((await verifier.verify(good)) instanceof TokenFault));
        for (const changed of mutations(good)) {
          if (changed === good) continue;
          assert.ok((await verifier.verify(changed)) instanceof TokenFault, changed);
          tried++;
        }
      }
      assert.ok(tried > good.length * 6, String(tried));
      assert.ok(!((await verifier.verify(good)) instanceof TokenFault));
    });
});
