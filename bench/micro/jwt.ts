/**
 * The CPU time that the policy `jwt` costs the thread that serves: `node bench/micro/jwt.ts`. Bar: 1.5 µs for a token that was
 * seen before, of 10,000 in a Zipf mix; beside it what a first check costs, by algorithm.
 */

import { TokenFault } from "../../src/identity/jws.ts";
import { type JwtRules, JwtVerifier } from "../../src/identity/jwt-verifier.ts";
import { StaticKeys } from "../../src/identity/key-source.ts";
import { TokenHolders } from "../../src/identity/token-identity.ts";
import { keyOfJwk, keyOfSecret } from "../../src/identity/token-key.ts";
import { BEARER, compilePlaces } from "../../src/identity/token-place.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { memoryGateway } from "../../src/testing/index.ts";
import { inSeconds, jwkOf, keyPair, token } from "../../test/support/tokens.ts";

const BAR = 1_500;
const ROUNDS = 9;
const TOKENS = 10_000;
const ASKED = 50_000;
const ISSUER = "https://id.example";

function rulesFor(alg: string): { rules: JwtRules; sign(n: number): string } {
  const secret = "a secret of more than thirty-two octets, for HS256";
  const { publicKey, privateKey } = keyPair(alg);
  const shared = alg.startsWith("HS");
  const keys = new StaticKeys([shared ? keyOfSecret(secret) : keyOfJwk(jwkOf(publicKey, { kid: "a", alg }))]);
  const rules: JwtRules = {
    issuers: [{ issuer: ISSUER, keys, audience: ["shop"] }],
    ...{ skew: 30_000, requireExpiry: true, maxAge: undefined, max: 8_192, types: new Set(["jwt"]) },
    ...{ required: [], check: () => undefined, scopes: ["read"], revocations: undefined },
  };
  const sign = (n: number): string =>
    token(
      { alg, kid: "a", typ: "JWT" },
      {
        ...{ iss: ISSUER, sub: `auth0|${n}`.padEnd(30, "x"), aud: "shop", exp: inSeconds(3_600) },
        ...{ scope: "openid profile email read write", azp: "spa", gty: "password" },
      },
      shared ? secret : privateKey,
    );
  return { rules, sign };
}

/** Nanoseconds of CPU for one of `times` turns; the median of some rounds. */
function cost(times: number, turn: (i: number) => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) turn(i);
    const { user, system } = process.cpuUsage(before);
    rounds.push(((user + system) * 1_000) / times);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

async function exchangesOf(tokens: readonly string[]): Promise<Exchange[]> {
  const gateway = memoryGateway({ policies: [] });
  const made: Exchange[] = [];
  for (const one of tokens)
    made.push((await gateway.send({ fields: { accept: "*/*", authorization: `Bearer ${one}` } })).exchange);
  return made;
}

const { rules, sign } = rulesFor("RS256");
const tokens = Array.from({ length: TOKENS }, (_, n) => sign(n));
const exchanges = await exchangesOf(tokens);
const verifier = new JwtVerifier(rules, systemClock);
const places = compilePlaces(BEARER);
const holders = new TokenHolders({ consumerClaim: undefined, refuse: undefined }, places, [undefined]);
const mix = Array.from({ length: ASKED }, () => exchanges[Math.floor(TOKENS ** Math.random()) - 1]!);

function ask(x: Exchange): void {
  const [place] = places;
  const found = verifier.verify(place!.read(x)!);
  if (found instanceof Promise || found instanceof TokenFault) throw new Error("a good token is refused");
  if (holders.identify(x, found, 0) === undefined) throw new Error("nobody");
}

for (const one of tokens) await verifier.verify(one);
for (const x of exchanges) ask(x);
const again = cost(ASKED, (i) => ask(mix[i]!));
console.log(`a token of ${tokens[0]!.length} characters, seen before: ${again.toFixed(0)} ns (bar ${BAR})`);
for (const alg of ["HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
  const one = rulesFor(alg);
  const written = Array.from({ length: 200 * ROUNDS }, (_, n) => one.sign(n));
  const fresh = new JwtVerifier(one.rules, systemClock);
  const rounds: number[] = [];
  while (written.length > 0) {
    const batch = written.splice(0, 200);
    const before = process.cpuUsage();
    // As they come from clients: many at once, each with a token of its own.
    const found = await Promise.all(batch.map((token) => fresh.verify(token)));
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / batch.length);
    if (found.some((token) => token instanceof TokenFault)) throw new Error("a good token is refused");
  }
  const middle = rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
  console.log(`first check, ${alg}: ${middle.toFixed(0)} µs of all threads`);
}
process.exitCode = again <= BAR ? 0 : 1;
