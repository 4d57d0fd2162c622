import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jwkOf, keyPair, token } from "../../test/support/tokens.ts";
import { testClock } from "../testing/index.ts";
import { TokenFault } from "./jws.ts";
import { JwtVerifier } from "./jwt-verifier.ts";
import { type KeySource, KeyTable } from "./key-source.ts";
import { keyOfJwk, type TokenKey } from "./token-key.ts";

const NOW = 1_700_000_000;
const pair = keyPair("ES256");

/** Keys that the test changes. */
class Keys implements KeySource {
  settled = true;
  asked = 0;
  list: TokenKey[] = [keyOfJwk(jwkOf(pair.publicKey, { kid: "a" }))];

  find(id: string | undefined, algorithm: string): readonly TokenKey[] {
    return new KeyTable(this.list).find(id, algorithm);
  }

  knows(id: string | undefined): boolean {
    return new KeyTable(this.list).knows(id);
  }

  async again(): Promise<void> {
    this.asked++;
  }
}

function stage() {
  const clock = testClock(NOW * 1_000);
  const keys = new Keys();
  const issuers = [{ issuer: "a", keys, audience: [] }];
  const times = { skew: 0, requireExpiry: true, maxAge: undefined };
  const rest = { max: 8_192, types: new Set<string>(), required: [], scopes: [], revocations: undefined };
  const verifier = new JwtVerifier({ issuers, ...times, ...rest, check: () => undefined }, clock);
  return { clock, keys, verifier };
}

const good = (n: number, kid = "a"): string =>
  token({ alg: "ES256", kid }, { iss: "a", exp: NOW + 60, n }, pair.privateKey);

const kindOf = async (found: unknown): Promise<string | undefined> => {
  const late = await found;
  return late instanceof TokenFault ? late.kind : undefined;
};

describe("tokens that are checked", () => {
  test("are checked once for all who bring them at the same time, then known without a wait", async () => {
    const { verifier } = stage();
    const written = good(1);
    const first = verifier.verify(written);
    assert.ok(first instanceof Promise);
    assert.equal(verifier.verify(`${written}`), first);
    assert.notEqual(verifier.verify(good(2)), first);
    const found = await first;
    assert.equal(verifier.verify(written), found);
  });

  test("that are wrong are checked anew each time", async () => {
    const { verifier } = stage();
    const wrong = `${good(1).slice(0, -86)}${"A".repeat(86)}`;
    const first = verifier.verify(wrong);
    assert.equal(await kindOf(first), "signature");
    assert.notEqual(verifier.verify(wrong), first);
    assert.equal(await kindOf(verifier.verify(wrong)), "signature");
  });

  test("are void when their key goes, also while they are being checked", async () => {
    const { verifier, keys } = stage();
    const written = good(1);
    assert.equal(await kindOf(verifier.verify(written)), undefined);
    const [key] = keys.list;
    key!.gone = true;
    keys.list = [];
    assert.equal(await kindOf(verifier.verify(written)), "key_unknown");
    const back = keyOfJwk(jwkOf(pair.publicKey, { kid: "a" }));
    keys.list = [back];
    const checking = verifier.verify(written);
    back.gone = true;
    keys.list = [];
    assert.equal(await kindOf(checking), "key_unknown");
  });

  test("with a key that is not there make the issuer be asked, once for all of one token", async () => {
    const { verifier, keys } = stage();
    const written = good(1, "b");
    const kinds = await Promise.all(Array.from({ length: 20 }, () => kindOf(verifier.verify(written))));
    assert.deepEqual([new Set(kinds), keys.asked], [new Set(["key_unknown"]), 1]);
    keys.settled = false;
    assert.equal(await kindOf(verifier.verify(written)), "keys_unavailable");
  });

  test("have expired from that moment on, without another check", async () => {
    const { verifier, clock } = stage();
    const written = good(1);
    await verifier.verify(written);
    clock.advance(60_000);
    const found = verifier.verify(written);
    assert.ok(found instanceof TokenFault);
    assert.equal(found.kind, "expired");
  });
});
