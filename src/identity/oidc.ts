import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import { type Authentication, type Authenticator, Denied, type Identity } from "../pipeline/authenticator.ts";
import { type ClaimReader, compileClaim } from "../pipeline/claim.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Limiter } from "../pipeline/limits.ts";
import type { PolicyEnv, Slot } from "../pipeline/policy.ts";
import { isCrossSite, isNavigation, type Site, safeTarget, siteOf } from "./browser.ts";
import { compileCleanse } from "./client-copies.ts";
import type { Login } from "./login.ts";
import { LoginFailed, loginFailure } from "./login-failed.ts";
import { redirect, withCookies } from "./login-replies.ts";
import type { Renewals, Renewed } from "./renewals.ts";
import { removeSessionCookies, type Session, type Sessions } from "./session.ts";
import { type KeptOfTokens, sessionOf } from "./token-session.ts";

/** How people log in on a site and what services learn of them; times in milliseconds. */
export interface OidcRules {
  /** Where browsers see the gateway; undefined: as each request says. */
  readonly site: Site | undefined;
  readonly cookie: string;
  readonly callback: string;
  readonly logout: string;
  readonly login: string | undefined;
  readonly afterLogin: string;
  readonly afterLogout: string | undefined;
  readonly unauthenticated: "login" | "refuse" | "allow";
  /** Requests without a session go on, though not by this policy's own word. */
  readonly optional: boolean;
  /** Sessions are written again after this part of their idle time. */
  readonly touchAfter: number;
  /** How long before its end an access token is renewed. */
  readonly renewBefore: number;
  readonly forwardAccess: string | undefined;
  readonly forwardId: string | undefined;
  readonly consumerClaim: string | undefined;
  readonly requireConsumer: boolean;
  /** Claims that are kept; undefined: all. */
  readonly claims: readonly string[] | undefined;
}

/** What one policy `oidc` works with. */
export interface OidcParts {
  readonly login: Login;
  readonly sessions: Sessions;
  readonly renewals: Renewals;
  /** Lets one worker or gateway at a time write a session. */
  readonly turns: Limiter;
}

/** Cookies that an answer sets. */
interface Baggage {
  readonly cookies: readonly string[];
  /** When they were made, where a later answer must not set them any more. */
  readonly made: number | undefined;
}

/** A session that was only written again is not set by an answer that comes later than this: a newer one may be there. */
const LATE = 20_000;
/** Asks who calls by a session in a cookie, and has those log in who have none. */
export function oidcAuthenticator(rules: OidcRules, parts: OidcParts, env: PolicyEnv): Authenticator {
  const asks = new OidcAuthenticator(rules, parts, env);
  return {
    missing: "oidc_login_required",
    challenge: 'Cookie realm="login"',
    cleanse: (x) => asks.cleanse(x),
    authenticate: (x) => asks.authenticate(x),
    response: (x, reply) => {
      asks.response(x, reply);
      return undefined;
    },
  };
}

class OidcAuthenticator {
  readonly #rules: OidcRules;
  readonly #parts: OidcParts;
  readonly #env: PolicyEnv;
  readonly #slot: Slot<Baggage>;
  readonly #kept: KeptOfTokens;
  readonly #removeCopies: ((x: Exchange) => void) | undefined;
  readonly #nameOf: ClaimReader | undefined;

  constructor(rules: OidcRules, parts: OidcParts, env: PolicyEnv) {
    this.#rules = rules;
    this.#parts = parts;
    this.#env = env;
    this.#slot = env.slot<Baggage>();
    const { forwardAccess, forwardId, consumerClaim } = rules;
    this.#kept = { access: forwardAccess !== undefined, claims: rules.claims };
    const forwarded = [forwardAccess, forwardId].filter((name) => name !== undefined);
    this.#removeCopies = forwarded.length === 0 ? undefined : compileCleanse(forwarded);
    this.#nameOf = consumerClaim === undefined ? undefined : compileClaim(consumerClaim);
  }

  cleanse(x: Exchange): void {
    const { fields } = x.outgoing;
    removeSessionCookies(fields, this.#rules.cookie);
    // Another way of asking reads what the client sent, so that it may still be a credential of that.
    this.#removeCopies?.(x);
  }

  authenticate(x: Exchange): Authentication | Promise<Authentication> {
    const { callback, logout, login, site: written } = this.#rules;
    const { path, method, query } = x.request;
    const site = written ?? siteOf(x);
    if (site === undefined) return this.#withoutSite();
    if (path === callback && method === "GET") return this.#finish(x, site);
    if (path === logout) return this.#logout(x, site);
    if (path === login && method === "GET")
      return this.#begin(x, site, this.#returnTo(new URLSearchParams(query).get("return") ?? ""));
    return this.#known(x, site);
  }

  response(x: Exchange, reply: Reply): void {
    const baggage = this.#slot.get(x);
    if (baggage === undefined) return;
    if (baggage.made !== undefined && this.#env.clock.now() > baggage.made + LATE) return;
    for (const one of baggage.cookies) reply.fields.append("set-cookie", one);
    reply.fields.append("cache-control", 'no-cache="set-cookie"');
  }

  #known(x: Exchange, site: Site): Authentication | Promise<Authentication> {
    const { sessions, renewals } = this.#parts;
    const found = sessions.read(x.request.fields, site.secure);
    if (found === "none") return this.#nobody(x, site, undefined);
    if (typeof found === "string") {
      this.#set(x, sessions.clear(x.request.fields, site.secure));
      return this.#nobody(x, site, `oidc_session_${found}`);
    }
    const newer = renewals.newer(found.session);
    if (newer !== undefined) return this.#renewed(x, site, found.session, newer);
    const { session, current } = found;
    const { accessEnds, accessToken, refreshToken } = session;
    // Another policy with the same session, or this one before a reload, had no need of the token.
    if (this.#rules.forwardAccess !== undefined && accessToken === undefined)
      return this.#nobody(x, site, "oidc_session_expired");
    const now = this.#env.clock.wall();
    if (accessEnds !== undefined && now >= this.#renewalOf(session, accessEnds)) {
      if (refreshToken !== undefined) return this.#renew(x, site, session, refreshToken);
      if (now >= accessEnds && this.#rules.forwardAccess !== undefined) {
        this.#set(x, sessions.clear(x.request.fields, site.secure));
        return this.#nobody(x, site, "oidc_session_expired");
      }
    }
    if (current && now < session.written + this.#rules.touchAfter) return this.#identity(x, session);
    return this.#touch(x, site, session, now);
  }

  /** When the access token of a session is renewed: some time before its end, of short ones in their last quarter. */
  #renewalOf({ given }: Session, ends: number): number {
    return ends - Math.min(this.#rules.renewBefore, (ends - given) / 4);
  }

  /** Writes a session again: its idle time begins anew, and the secret that seals now seals it. */
  #touch(x: Exchange, site: Site, session: Session, now: number): Authentication | Promise<Authentication> {
    const go = (mayWrite: boolean): Authentication => {
      if (mayWrite) {
        const lines = this.#parts.sessions.write({ ...session, written: now }, x.request.fields, site.secure);
        if (lines !== undefined) this.#set(x, lines, this.#env.clock.now());
      }
      return this.#identity(x, session);
    };
    const turn = this.#turn(session);
    return typeof turn === "boolean" ? go(turn) : turn.then(go);
  }

  async #renew(x: Exchange, site: Site, session: Session, refreshToken: string): Promise<Authentication> {
    const { login, renewals } = this.#parts;
    const renew = async (): Promise<Renewed> => {
      if (!(await this.#turn(session))) return "elsewhere";
      try {
        const tokens = await login.renew(refreshToken, session.claims["sub"]);
        return sessionOf(tokens, this.#kept, this.#env.clock.wall(), session);
      } catch (error) {
        this.#parts.turns.add(turnOf(session), -1);
        throw error;
      }
    };
    const holds = this.#env.clock.wall() < session.accessEnds!;
    try {
      const renewed = await renewals.once(session, refreshToken, renew);
      if (renewed !== "elsewhere") return this.#renewed(x, site, session, renewed);
      if (holds || this.#rules.forwardAccess === undefined) return this.#identity(x, session);
      return new Denied("oidc_busy");
    } catch (error) {
      const { code, detail } = loginFailure(error);
      if (code === "oidc_grant_refused") {
        this.#set(x, this.#parts.sessions.clear(x.request.fields, site.secure));
        return this.#nobody(x, site, "oidc_session_expired");
      }
      // Not the person's fault: who may still ask, may.
      const isNeeded = this.#rules.forwardAccess !== undefined || code !== "oidc_provider_unavailable";
      return holds || !isNeeded ? this.#identity(x, session) : new Denied(code, detail);
    }
  }

  #renewed(x: Exchange, site: Site, session: Session, newer: Session): Authentication {
    const lines = this.#parts.sessions.write(newer, x.request.fields, site.secure);
    if (lines === undefined) return new Denied("oidc_session_too_large");
    this.#set(x, lines);
    return this.#identity(x, newer.id === session.id ? newer : session);
  }

  #identity(x: Exchange, session: Session): Identity | Denied {
    const { requireConsumer, forwardAccess, forwardId } = this.#rules;
    const { claims, accessToken, idToken } = session;
    const { consumers } = x.snapshot;
    const subject = String(claims["sub"]);
    const named = this.#nameOf?.(claims);
    const consumer =
      this.#nameOf === undefined
        ? consumers.find("subject", `${String(claims["iss"])}\0${subject}`)?.consumer
        : typeof named === "string"
          ? consumers.named(named)
          : undefined;
    if (consumer === undefined && requireConsumer) return new Denied("oidc_consumer_unknown");
    const forwards = forwardAccess !== undefined || forwardId !== undefined;
    return {
      consumer,
      credential: subject,
      claims,
      ...(forwards && {
        forward: ({ outgoing: { fields } }) => {
          if (forwardAccess !== undefined && accessToken !== undefined)
            fields.set(
              forwardAccess,
              forwardAccess === "authorization" ? `Bearer ${accessToken}` : accessToken,
            );
          if (forwardId !== undefined && idToken !== undefined) fields.set(forwardId, idToken);
        },
      }),
    };
  }

  /** What becomes of a request without a session that holds; `code` says what was wrong with the one that came. */
  #nobody(x: Exchange, site: Site, code: string | undefined): Authentication | Promise<Authentication> {
    const { unauthenticated, optional } = this.#rules;
    if (optional) return undefined;
    if (unauthenticated === "allow") return {};
    if (unauthenticated === "login" && isNavigation(x.request)) {
      const { method, path, query } = x.request;
      const reads = method === "GET" || method === "HEAD";
      return this.#begin(x, site, reads ? this.#returnTo(path + query) : this.#rules.afterLogin);
    }
    return code === undefined ? undefined : new Denied(code);
  }

  #withoutSite(): Authentication {
    const { unauthenticated, optional } = this.#rules;
    if (optional) return undefined;
    return unauthenticated === "allow" ? {} : new Denied("oidc_https_required");
  }

  async #begin(x: Exchange, site: Site, returnTo: string): Promise<Authentication> {
    const { login } = this.#parts;
    try {
      const redirectUri = site.origin + this.#rules.callback;
      const begun = await login.begin(redirectUri, returnTo, x.request.fields, site.secure);
      return redirect(begun.location, begun.cookies, x.request.method);
    } catch (error) {
      return denied(error);
    }
  }

  async #finish(x: Exchange, site: Site): Promise<Authentication> {
    const { login, sessions } = this.#parts;
    const { fields, query } = x.request;
    const cleared = login.clear(query, fields, site.secure);
    try {
      const done = await login.finish(query, fields, site.origin + this.#rules.callback, site.secure);
      const session = sessionOf(done.tokens, this.#kept, this.#env.clock.wall());
      const lines = sessions.write(session, fields, site.secure);
      if (lines === undefined) throw new LoginFailed("oidc_session_too_large");
      return redirect(site.origin + done.returnTo, [...lines, ...cleared], "POST");
    } catch (error) {
      this.#set(x, cleared);
      return denied(error);
    }
  }

  async #logout(x: Exchange, site: Site): Promise<Authentication> {
    const { login, sessions } = this.#parts;
    const { afterLogout } = this.#rules;
    const { fields } = x.request;
    // A page that a browser fetches ahead is not one that a person asked for.
    if (isCrossSite(x.request) || fields.has("sec-purpose")) return new Denied("oidc_logout_refused");
    const found = sessions.read(fields, site.secure);
    const cleared = sessions.clear(fields, site.secure);
    const home = afterLogout?.startsWith("/") ? site.origin + afterLogout : afterLogout;
    let end: string | undefined;
    if (typeof found !== "string") {
      const session = this.#parts.renewals.newer(found.session) ?? found.session;
      if (session.refreshToken !== undefined) login.revoke(session.refreshToken);
      end = await login.endOf(session.idToken, home);
    }
    if (isNavigation(x.request)) {
      const target = end ?? home;
      if (target !== undefined) return redirect(target, cleared, "POST");
      return withCookies(Reply.text(200, "You are logged out.\n"), cleared);
    }
    return withCookies(new Reply(204, new Fields()), cleared);
  }

  /** Whether this worker may write the session now: two that do would undo each other. */
  #turn(session: Session): boolean | Promise<boolean> {
    const took = this.#parts.turns.take(turnOf(session), 1);
    if (!(took instanceof Promise)) return took.allowed;
    // Without the store nobody can be asked whose turn it is; then each takes its own.
    return took.then(
      ({ allowed }) => allowed,
      () => true,
    );
  }

  /** The page to go to after a login: the one that was asked for, where it is one of ours. */
  #returnTo(target: string): string {
    const { afterLogin, callback, logout, login } = this.#rules;
    const safe = safeTarget(target);
    const path = safe?.replace(/\?.*$/s, "");
    return safe === undefined || path === callback || path === logout || path === login ? afterLogin : safe;
  }

  #set(x: Exchange, cookies: readonly string[], made?: number): void {
    if (cookies.length > 0) this.#slot.set(x, { cookies, made });
  }
}

/** What turns are counted by: of each generation of a session's tokens anew. */
function turnOf({ id, given }: Session): string {
  return `${id} ${given}`;
}

function denied(error: unknown): Denied {
  const { code, detail } = loginFailure(error);
  return new Denied(code, detail);
}
