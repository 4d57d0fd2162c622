import type { PolicyEnv } from "../pipeline/policy.ts";
import { discover } from "./discovery.ts";
import type { TrustedIssuer } from "./jwt-verifier.ts";
import { type KeySource, StaticKeys } from "./key-source.ts";
import { RemoteKeys } from "./remote-keys.ts";
import { EVERY_MIN, shownUrl, urlProblem } from "./safe-url.ts";
import { keyOfJwk, keyOfPem, keyOfSecret, type TokenKey } from "./token-key.ts";

/** Where the keys of an issuer are had from, as written. */
export type JwksConfig =
  | string
  | { readonly service: string; readonly path: string }
  | { readonly keys: readonly Readonly<Record<string, unknown>>[] };

/** An issuer, as written. */
export interface IssuerConfig {
  readonly issuer?: string | undefined;
  readonly jwks?: JwksConfig | undefined;
  /** PEM, or JSON Web Keys. */
  readonly keys?: readonly (string | Readonly<Record<string, unknown>>)[] | undefined;
  readonly secret?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
  readonly audience: readonly string[];
}

/** How keys are asked for, as written; times in milliseconds. */
export interface KeySettings {
  readonly refresh: number;
  readonly staleFor: number;
  readonly cooldown: number;
  readonly timeout: number;
  readonly allowHttp: boolean;
}

/** Compiles an issuer. Throws an Error that says where it is wrong and what to write. */
export function compileIssuer(config: IssuerConfig, settings: KeySettings, env: PolicyEnv): TrustedIssuer {
  const { issuer, audience } = config;
  return { issuer, audience, keys: keysOf(config, settings, env) };
}

function keysOf(config: IssuerConfig, settings: KeySettings, env: PolicyEnv): KeySource {
  const { jwks, keys, secret, algorithms } = config;
  const given = Object.entries({ jwks, keys, secret }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new Error(`${given.map(([name]) => name).join(" and ")} exclude each other; write one of them`);
  if (secret !== undefined) return new StaticKeys([made("secret", () => keyOfSecret(secret, algorithms))]);
  if (keys !== undefined)
    return new StaticKeys(keys.map((key, i) => made(`keys[${i}]`, () => keyOf(key, algorithms))));
  if (typeof jwks === "object" && "keys" in jwks)
    return new StaticKeys(jwks.keys.map((key, i) => made(`jwks.keys[${i}]`, () => keyOf(key, algorithms))));
  if (algorithms?.some((name) => name.startsWith("HS")) === true)
    throw new Error("algorithms: a secret is not asked for over the network; HS… needs secret or keys");
  return remoteKeys(config, settings, env);
}

function keyOf(
  key: string | Readonly<Record<string, unknown>>,
  algorithms: readonly string[] | undefined,
): TokenKey {
  return typeof key === "string" ? keyOfPem(key, algorithms) : keyOfJwk(key, algorithms);
}

function made<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`);
  }
}

/** One set for all policies of a thread that ask in the same place, with the same times. */
function remoteKeys(
  { issuer, jwks, algorithms }: IssuerConfig,
  settings: KeySettings,
  env: PolicyEnv,
): RemoteKeys {
  const { caller, clock } = env;
  const { allowHttp, ...times } = settings;
  if (times.refresh < EVERY_MIN) throw new Error("refresh: would ask without end; write 1s or more");
  const from = typeof jwks === "object" && "service" in jwks ? jwks.service : (jwks as string | undefined);
  if (typeof jwks === "object") env.needs("service", from!);
  else {
    const problem = urlProblem(from ?? issuer ?? "", allowHttp);
    if (from === undefined && issuer === undefined)
      throw new Error("nobody knows its keys; write issuer, jwks, keys or secret");
    if (problem !== undefined) throw new Error(`${from === undefined ? "issuer" : "jwks"}: ${problem}`);
  }
  const locate = async () => {
    if (typeof jwks === "object") return jwks as { service: string; path: string };
    if (jwks !== undefined) return { url: jwks };
    return { url: (await discover(caller, issuer!, { timeout: times.timeout, allowHttp })).jwks_uri };
  };
  const name = issuer ?? (typeof jwks === "string" ? shownUrl(jwks) : from!);
  const random = (): number => env.random();
  const tell = (line: string): void => env.tell(line);
  return env.keep(
    `keys ${JSON.stringify([issuer, jwks, algorithms, settings])}`,
    () => new RemoteKeys({ ...times, locate, name, algorithms, caller, clock, random, tell }),
  );
}
