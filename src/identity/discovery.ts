import type { Caller, CallRequest } from "../pipeline/calls.ts";
import { safeJson } from "./fetched.ts";
import { urlProblem } from "./safe-url.ts";

/** What an issuer says of itself, as far as it is of use here. */
export interface IssuerMetadata {
  readonly issuer: string;
  readonly jwks_uri: string;
}

/**
 * Asks an issuer for its metadata (OpenID Connect Discovery §4). Rejects with an Error that says why it is not to be believed:
 * its `issuer` must be the one that was asked, to the last character (§4.3).
 */
export async function discover(
  caller: Caller,
  issuer: string,
  options: { readonly timeout: number; readonly allowHttp: boolean },
): Promise<IssuerMetadata> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const to: CallRequest["to"] = { url };
  const { document } = await safeJson(caller, { to, timeout: options.timeout, max: 262_144 });
  const { issuer: said, jwks_uri: keys } = document;
  if (said !== issuer) throw new Error("its metadata names another issuer");
  if (typeof keys !== "string") throw new Error("its metadata has no jwks_uri");
  const problem = urlProblem(keys, options.allowHttp);
  if (problem !== undefined) throw new Error(`its jwks_uri: ${problem}`);
  return { issuer, jwks_uri: keys };
}
