import * as oauth from "oauth4webapi";
import { CallFailed, isDryCall } from "../pipeline/calls.ts";

/** Why nobody could be logged in, or stay so. `code` is a reason of the policy `oidc`. */
export class LoginFailed extends Error {
  readonly code: string;
  /** For the person who reads the answer. */
  readonly detail: string | undefined;

  constructor(code: string, detail?: string, options?: ErrorOptions) {
    super(detail ?? code, options);
    this.name = "LoginFailed";
    this.code = code;
    this.detail = detail;
  }
}

/** What a failed question to the provider means. Throws the error where nobody was asked: it means nothing. */
export function loginFailure(error: unknown): LoginFailed {
  if (error instanceof LoginFailed) return error;
  if (isDryCall(error)) throw error;
  if (error instanceof CallFailed)
    return new LoginFailed("oidc_provider_unavailable", undefined, { cause: error });
  if (error instanceof oauth.AuthorizationResponseError)
    return new LoginFailed("oidc_denied", told(error.error, error.error_description), { cause: error });
  if (error instanceof oauth.ResponseBodyError) {
    const code = error.error === "invalid_grant" ? "oidc_grant_refused" : "oidc_exchange_failed";
    return new LoginFailed(code, told(error.error), { cause: error });
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError)
    return new LoginFailed("oidc_exchange_failed", told("invalid_client"), { cause: error });
  // Other words than the library's own say something of the code, not of the provider.
  const { code, message } = error as { code?: unknown; message?: string };
  const words = typeof code === "string" && code.startsWith("OAUTH_") ? told(message) : undefined;
  return new LoginFailed("oidc_answer_invalid", words, { cause: error });
}

/** Words of the provider as they may be shown. */
function told(...words: readonly (string | undefined)[]): string {
  const text = words.filter((one) => one !== undefined).join(": ");
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
