import type { ReasonSpec } from "../errors/reasons.ts";

/** Why a login or a session does not hold. */
export const OIDC_REASONS: Readonly<Record<string, ReasonSpec>> = {
  oidc_login_required: { status: 401, source: "downstream", title: "This route asks for a login." },
  oidc_session_expired: { status: 401, source: "downstream", title: "The login is too old; log in again." },
  oidc_session_invalid: {
    status: 401,
    source: "downstream",
    title: "The session is not one of this gateway's; log in again.",
  },
  oidc_https_required: { status: 403, source: "downstream", title: "People log in over https only." },
  oidc_state: {
    status: 400,
    source: "downstream",
    title: "This browser began no such login, or has ended it already.",
  },
  oidc_login_too_slow: { status: 400, source: "downstream", title: "The login took too long." },
  oidc_denied: { status: 403, source: "downstream", title: "The provider refused the login." },
  oidc_grant_refused: {
    status: 400,
    source: "downstream",
    title: "The provider does not take what the login brought.",
  },
  oidc_exchange_failed: { status: 502, source: "upstream", title: "The provider gave no tokens." },
  oidc_answer_invalid: {
    status: 502,
    source: "upstream",
    title: "The provider's answer does not prove who logged in.",
  },
  oidc_provider_unavailable: {
    status: 503,
    source: "upstream",
    title: "The provider of logins cannot be asked.",
  },
  oidc_session_too_large: {
    status: 500,
    source: "gateway",
    title: "What the provider says is too much for a session.",
  },
  oidc_consumer_unknown: {
    status: 403,
    source: "downstream",
    title: "Whoever logged in may not ask here.",
  },
  oidc_busy: { status: 503, source: "gateway", title: "The session is being renewed; ask again." },
  oidc_logout_refused: {
    status: 403,
    source: "downstream",
    title: "Only people themselves log out, on this site.",
  },
};
