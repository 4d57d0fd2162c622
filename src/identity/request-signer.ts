import { createHash, randomBytes } from "node:crypto";
import { HeldBody } from "../lib/body.ts";
import type { AttemptView } from "../pipeline/policy.ts";
import {
  algorithmsOf,
  type SignatureAlgorithm,
  type SignatureKey,
  signatureOf,
} from "./signature-algorithms.ts";
import { signatureBase } from "./signature-components.ts";
import { type Item, innerListText, itemOf } from "./structured-fields.ts";

/** How requests to a service are signed (RFC 9421). */
export interface SigningRules {
  readonly key: SignatureKey;
  readonly algorithm: SignatureAlgorithm;
  readonly keyId: string;
  readonly label: string;
  /** Identifiers of components in their one spelling; fields that a request lacks are left out. */
  readonly covers: readonly string[];
  /** Digest of the body that is made and covered; undefined for none. */
  readonly digest: "sha-256" | "sha-512" | undefined;
  /** Seconds for which a signature holds; 0 for no word on it. */
  readonly expires: number;
  readonly tag: string | undefined;
  /** Each signature has a nonce. */
  readonly nonce: boolean;
}

/** The algorithm that a key is used with. Throws an Error where the two do not fit. */
export function algorithmFor(key: SignatureKey, wanted: SignatureAlgorithm | undefined): SignatureAlgorithm {
  const fitting = algorithmsOf(key);
  const found = wanted === undefined ? fitting[0] : fitting.find((one) => one === wanted);
  if (found !== undefined) return found;
  throw new Error(
    wanted === undefined
      ? "the key works with none of the algorithms of RFC 9421, or is too weak"
      : `the key does not work with ${wanted}`,
  );
}

/**
 * Signs one try's request. False where its body is to be covered and is not all here: another policy changes it as it passes.
 * `now` in milliseconds since 1970.
 */
export function signRequest(
  attempt: AttemptView,
  rules: SigningRules,
  now: number,
): boolean | Promise<boolean> {
  const { request } = attempt;
  const { fields, body } = request;
  const digest = rules.digest !== undefined && body !== undefined;
  if (digest) {
    if (!(body instanceof HeldBody)) return false;
    const made = createHash(rules.digest.replace("-", "")).update(body.bytes()).digest("base64");
    fields.set("content-digest", `${rules.digest}=:${made}:`);
  }
  const covers = digest && !rules.covers.includes(DIGEST) ? [...rules.covers, DIGEST] : rules.covers;
  const components = covers
    .map((id) => itemOf(id)!)
    .filter(([name]) => String(name).startsWith("@") || fields.has(String(name)));
  const list = innerListText([components, parametersOf(rules, Math.floor(now / 1_000))]);
  const message = { request: { ...targetOf(attempt), method: request.method }, fields };
  const put = (made: Buffer): true => {
    fields.set("signature-input", `${rules.label}=${list}`);
    fields.set("signature", `${rules.label}=:${made.toString("base64")}:`);
    return true;
  };
  const made = signatureOf(rules.algorithm, rules.key, signatureBase(message, components, list));
  return made instanceof Promise ? made.then(put) : put(made);
}

const DIGEST = '"content-digest"';

function parametersOf({ keyId, algorithm, expires, tag, nonce }: SigningRules, created: number): Item[1] {
  const parameters: Item[1] = new Map<string, string | number>([["created", created]]);
  if (expires > 0) parameters.set("expires", created + expires);
  parameters.set("keyid", keyId).set("alg", algorithm);
  if (nonce) parameters.set("nonce", randomBytes(16).toString("base64url"));
  if (tag !== undefined) parameters.set("tag", tag);
  return parameters;
}

function targetOf({ endpoint, request }: AttemptView): {
  scheme: string;
  authority: string;
  path: string;
  query: string;
} {
  const [, protocol = "http", own = "localhost"] = /^([a-z0-9]+):\/\/([^/]*)/.exec(endpoint) ?? [];
  const scheme = protocol === "https" ? "https" : "http";
  const authority = request.authority === "" ? own : request.authority;
  return { scheme, authority, path: request.path, query: request.query };
}
