/** An issuer with keys of its own: discovery, a key set, and whatever goes wrong there. */
import type { KeyObject } from "node:crypto";
import { type Service, startService } from "./service.ts";
import { inSeconds, jwkOf, keyPair, token } from "./tokens.ts";

interface IssuerKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** An issuer on 127.0.0.1. */
export class KeyService implements AsyncDisposable {
  readonly service: Service;
  /** What it publishes. */
  readonly keys: IssuerKey[] = [];
  /** Answers with this status and nothing else. */
  down: number | undefined = undefined;
  /** What `Cache-Control` says; undefined for nothing. */
  cacheControl: string | undefined = undefined;
  /** What its metadata says in place of the truth. */
  metadata: object = {};

  constructor(service: Service) {
    this.service = service;
  }

  get issuer(): string {
    return this.service.url;
  }

  get jwksUrl(): string {
    return `${this.issuer}/jwks`;
  }

  /** How often its keys were asked for. */
  get fetches(): number {
    return this.service.targets.filter((target) => target === "/jwks").length;
  }

  /** Makes a key and publishes it. */
  add(kid: string, algorithm = "ES256"): IssuerKey {
    const key = { kid, algorithm, ...keyPair(algorithm) };
    this.keys.push(key);
    return key;
  }

  /** Publishes a key no longer. */
  remove(kid: string): void {
    this.keys.splice(
      this.keys.findIndex((key) => key.kid === kid),
      1,
    );
  }

  /** A token that holds for five minutes, signed with the newest key. */
  sign(claims: object = {}, { kid, algorithm, privateKey }: IssuerKey = this.keys.at(-1)!): string {
    const all = { iss: this.issuer, sub: "alice", exp: inSeconds(300), iat: inSeconds(0), ...claims };
    return token({ alg: algorithm, kid, typ: "JWT" }, all, privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.stop();
  }
}

/** Starts an issuer without keys. */
export async function startKeyService(port = 0): Promise<KeyService> {
  let issuer: KeyService | undefined;
  const service = await startService(({ url }, response) => {
    const { down, keys, cacheControl, metadata, jwksUrl } = issuer!;
    if (down !== undefined) {
      response.writeHead(down).end("a secret that nobody must see in a log");
      return;
    }
    const set = keys.map(({ kid, algorithm, publicKey }) =>
      jwkOf(publicKey, { kid, alg: algorithm, use: "sig" }),
    );
    const documents: Readonly<Record<string, object>> = {
      "/.well-known/openid-configuration": { issuer: issuer!.issuer, jwks_uri: jwksUrl, ...metadata },
      "/jwks": { keys: set },
    };
    const found = documents[url ?? ""];
    if (cacheControl !== undefined) response.setHeader("cache-control", cacheControl);
    response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? {}));
  }, port);
  issuer = new KeyService(service);
  return issuer;
}
