import * as oauth from "oauth4webapi";
import type { Clock } from "../lib/clock.ts";
import { cookie, cookies, setCookie } from "../lib/cookies.ts";
import type { ReadonlyFields } from "../lib/fields.ts";
import { LoginFailed, loginFailure } from "./login-failed.ts";
import type { Provider } from "./provider.ts";
import type { Seal } from "./seal.ts";
import { hostCookie } from "./session.ts";

/** How the gateway is known to the provider. */
export interface LoginClient {
  readonly id: string;
  /** Undefined for a client without one: PKCE alone protects it. */
  readonly secret: string | undefined;
  /** Where the secret is sent: in Authorization, or in the form. */
  readonly auth: "basic" | "post";
  readonly scopes: readonly string[];
  /** More parameters of the authorization request. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Seconds that the provider's clock may differ. */
  readonly skew: number;
  /** The provider is asked for more claims at its UserInfo endpoint. */
  readonly userInfo: boolean;
}

/** Where a person is sent to log in, and the cookies that remember why. */
export interface LoginBegun {
  readonly location: string;
  readonly cookies: readonly string[];
}

/** What the provider gave; `ends` is when the access token does, in milliseconds since 1970. */
export interface Tokens {
  readonly access: string;
  readonly ends: number | undefined;
  readonly refresh: string | undefined;
  readonly id: string | undefined;
  /** Of the ID token and UserInfo; undefined where no ID token came (a renewal). */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** Somebody logged in. */
export interface LoginDone {
  readonly tokens: Tokens;
  /** Path and query of the page that was asked for. */
  readonly returnTo: string;
}

/** One login that is under way, as the browser carries it. */
interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly returnTo: string;
  readonly began: number;
}

/** Logins that one browser may have under way; the oldest is forgotten. */
const ATTEMPTS = 6;
/** Characters of `state` that name its cookie. */
const NAMED = 12;

/** The authorization code flow with PKCE, state and nonce (OpenID Connect Core §3.1, RFC 7636, RFC 9700). */
export class Login {
  readonly #provider: Provider;
  readonly #given: LoginClient;
  readonly #seal: Seal;
  readonly #cookie: string;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #client: oauth.Client;
  readonly #auth: oauth.ClientAuth;

  /**
   * @param cookie name of the session's cookie; those of logins have `-login-` and a part of the state behind it
   * @param timeout milliseconds that a login may take
   */
  constructor(
    provider: Provider,
    client: LoginClient,
    seal: Seal,
    cookie: string,
    timeout: number,
    clock: Clock,
  ) {
    this.#provider = provider;
    this.#given = client;
    this.#seal = seal;
    this.#cookie = cookie;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#client = { client_id: client.id, [oauth.clockTolerance]: client.skew };
    if (client.secret === undefined) this.#auth = oauth.None();
    else
      this.#auth =
        client.auth === "basic"
          ? oauth.ClientSecretBasic(client.secret)
          : oauth.ClientSecretPost(client.secret);
  }

  /** Begins a login that ends on the page `returnTo`. Rejects with a LoginFailed. */
  async begin(
    redirectUri: string,
    returnTo: string,
    fields: ReadonlyFields,
    secure: boolean,
  ): Promise<LoginBegun> {
    try {
      const server = await this.#provider.metadata();
      const state = oauth.generateRandomState();
      const nonce = oauth.generateRandomNonce();
      const verifier = oauth.generateRandomCodeVerifier();
      const { id, scopes, parameters } = this.#given;
      const asked = new URLSearchParams({
        ...parameters,
        client_id: id,
        response_type: "code",
        redirect_uri: redirectUri,
        scope: scopes.join(" "),
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      const attempt: Attempt = { state, nonce, verifier, returnTo, began: this.#clock.wall() };
      const sealed = this.#seal.seal("login", JSON.stringify(attempt));
      const kept = setCookie(this.#nameOf(state, secure), sealed, { secure, maxAge: this.#timeout / 1_000 });
      return {
        location: await this.#locationOf(server, asked),
        cookies: [kept, ...this.#oldest(fields, secure)],
      };
    } catch (error) {
      throw loginFailure(error);
    }
  }

  /** Ends the login that a callback belongs to. Rejects with a LoginFailed. */
  async finish(
    query: string,
    fields: ReadonlyFields,
    redirectUri: string,
    secure: boolean,
  ): Promise<LoginDone> {
    const parameters = new URLSearchParams(query);
    const { state, nonce, verifier, returnTo } = this.#attemptOf(parameters, fields, secure);
    try {
      const server = await this.#provider.metadata();
      const answer = oauth.validateAuthResponse(server, this.#client, parameters, state);
      const { http } = this.#provider;
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        this.#client,
        this.#auth,
        answer,
        redirectUri,
        verifier,
        http,
      );
      const given = await oauth.processAuthorizationCodeResponse(server, this.#client, response, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
      // Proven by its signature too, not by TLS alone: the provider may be asked by a service of plain http.
      await this.#provider.prove(server, response);
      return { tokens: await this.#tokensOf(server, given, this.#given.userInfo), returnTo };
    } catch (error) {
      throw loginFailure(error);
    }
  }

  /** New tokens for a refresh token (RFC 6749 §6). Rejects with a LoginFailed. */
  async renew(refreshToken: string, subject: unknown): Promise<Tokens> {
    try {
      const server = await this.#provider.metadata();
      const { http } = this.#provider;
      const response = await oauth.refreshTokenGrantRequest(
        server,
        this.#client,
        this.#auth,
        refreshToken,
        http,
      );
      const given = await oauth.processRefreshTokenResponse(server, this.#client, response);
      if (given.id_token !== undefined) await this.#provider.prove(server, response);
      // UserInfo is not asked again: were it down, a refresh token that was given already would be lost.
      const tokens = await this.#tokensOf(server, given, false);
      // OpenID Connect Core §12.2: it must still be the same person.
      if (tokens.claims !== undefined && tokens.claims["sub"] !== subject)
        throw new LoginFailed("oidc_answer_invalid", "the renewed ID token names somebody else");
      return tokens;
    } catch (error) {
      throw loginFailure(error);
    }
  }

  /** Tells the provider that a refresh token is not needed any more (RFC 7009), where it wants to know. Never rejects. */
  async revoke(refreshToken: string): Promise<void> {
    try {
      const server = await this.#provider.metadata();
      if (server.revocation_endpoint === undefined) return;
      await oauth.revocationRequest(server, this.#client, this.#auth, refreshToken, this.#provider.http);
    } catch {}
  }

  /** Where a person is sent to log out at the provider (OpenID Connect RP-Initiated Logout §2); undefined where it has no such place. */
  async endOf(idToken: string | undefined, redirectUri: string | undefined): Promise<string | undefined> {
    const server = await this.#provider.metadata().catch(() => undefined);
    if (server?.end_session_endpoint === undefined) return undefined;
    let url: URL;
    try {
      url = this.#endpoint(server, "end_session_endpoint");
    } catch {
      return undefined;
    }
    url.searchParams.set("client_id", this.#given.id);
    if (idToken !== undefined) url.searchParams.set("id_token_hint", idToken);
    if (redirectUri !== undefined) url.searchParams.set("post_logout_redirect_uri", redirectUri);
    return url.href;
  }

  /** Takes away the cookie of the login that a callback belongs to. */
  clear(query: string, fields: ReadonlyFields, secure: boolean): string[] {
    const state = new URLSearchParams(query).get("state") ?? "";
    if (!isState(state)) return [];
    const name = this.#nameOf(state, secure);
    return cookie(fields, name) === undefined ? [] : [setCookie(name, "", { secure, maxAge: 0 })];
  }

  /** Asks the provider to keep the parameters, where it insists (RFC 9126). */
  async #locationOf(server: oauth.AuthorizationServer, asked: URLSearchParams): Promise<string> {
    const url = this.#endpoint(server, "authorization_endpoint");
    if (server.require_pushed_authorization_requests === true) {
      const { http } = this.#provider;
      const response = await oauth.pushedAuthorizationRequest(server, this.#client, this.#auth, asked, http);
      const { request_uri } = await oauth.processPushedAuthorizationResponse(server, this.#client, response);
      url.searchParams.set("client_id", this.#given.id);
      url.searchParams.set("request_uri", request_uri);
    } else for (const [name, value] of asked) url.searchParams.set(name, value);
    return url.href;
  }

  #endpoint(server: oauth.AuthorizationServer, name: "authorization_endpoint" | "end_session_endpoint"): URL {
    const text = server[name] ?? "";
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const plain = url?.protocol === "http:" && this.#provider.http[oauth.allowInsecureRequests];
    if (url !== undefined && (url.protocol === "https:" || plain)) return url;
    throw new LoginFailed("oidc_answer_invalid", `the provider's ${name} is no https URL`);
  }

  #attemptOf(parameters: URLSearchParams, fields: ReadonlyFields, secure: boolean): Attempt {
    const state = parameters.get("state") ?? "";
    const sealed = isState(state) ? cookie(fields, this.#nameOf(state, secure)) : undefined;
    const opened = sealed === undefined ? undefined : this.#seal.open("login", sealed);
    const attempt = opened && (JSON.parse(opened.text) as Attempt);
    if (attempt?.state !== state) throw new LoginFailed("oidc_state");
    if (this.#clock.wall() >= attempt.began + this.#timeout) throw new LoginFailed("oidc_login_too_slow");
    return attempt;
  }

  async #tokensOf(
    server: oauth.AuthorizationServer,
    given: oauth.TokenEndpointResponse,
    userInfo: boolean,
  ): Promise<Tokens> {
    const claims = oauth.getValidatedIdTokenClaims(given);
    let more: Readonly<Record<string, unknown>> | undefined;
    if (claims !== undefined && userInfo) {
      const { http } = this.#provider;
      const response = await oauth.userInfoRequest(server, this.#client, given.access_token, http);
      more = await oauth.processUserInfoResponse(server, this.#client, claims.sub, response);
    }
    const { expires_in: seconds } = given;
    return {
      access: given.access_token,
      ends: seconds === undefined ? undefined : this.#clock.wall() + seconds * 1_000,
      refresh: given.refresh_token,
      id: given.id_token,
      claims: claims === undefined ? undefined : { ...more, ...claims },
    };
  }

  #nameOf(state: string, secure: boolean): string {
    return `${hostCookie(this.#cookie, secure)}-login-${state.slice(0, NAMED)}`;
  }

  /** Takes away the oldest logins where a browser has many: cookies are sent in the order in which they were made. */
  #oldest(fields: ReadonlyFields, secure: boolean): string[] {
    const prefix = `${hostCookie(this.#cookie, secure)}-login-`;
    const names = cookies(fields).flatMap(([name]) => (name.startsWith(prefix) ? [name] : []));
    return names
      .slice(0, Math.max(0, names.length - ATTEMPTS + 1))
      .map((name) => setCookie(name, "", { secure, maxAge: 0 }));
  }
}

/** Whether a text can be a state of ours: it becomes part of a cookie's name. */
function isState(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
