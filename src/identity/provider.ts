import * as oauth from "oauth4webapi";
import type { Clock } from "../lib/clock.ts";
import { Fields } from "../lib/fields.ts";
import { type Caller, CallFailed } from "../pipeline/calls.ts";
import type { Kept } from "../pipeline/policy.ts";

/** Where an OpenID provider is and how it is asked. */
export interface ProviderOptions {
  /** Its issuer identifier: an https URL. */
  readonly issuer: string;
  /** Service of the config by which it is asked; undefined: by its own addresses. */
  readonly service: string | undefined;
  /** Milliseconds that one question may take. */
  readonly timeout: number;
  /** It may be asked over plain http. */
  readonly insecure: boolean;
  /** Writes a line to the gateway's log. */
  tell(line: string): void;
}

/** What the calls of oauth4webapi are made with. */
export interface ProviderHttp {
  readonly [oauth.customFetch]: (
    url: string,
    options: oauth.CustomFetchOptions<string, URLSearchParams | null | undefined>,
  ) => Promise<Response>;
  readonly [oauth.allowInsecureRequests]: boolean;
  readonly [oauth.jwksCache]: oauth.JWKSCacheInput;
}

/** How long what a provider says of itself is believed without asking again. */
const FRESH = 3_600_000;
/** Between two tries to reach a provider that does not answer: at first, at most. */
const RETRY = 1_000;
const RETRY_MOST = 30_000;
/** Between two times that keys are fetched because a token is signed by none of those that are known. */
const KEYS_AGAIN = 10_000;
/** Bytes of an answer at most. */
const MAX = 262_144;

/** An OpenID provider, found by OpenID Connect Discovery 1.0; its metadata and keys are kept between questions. */
export class Provider implements Kept {
  readonly http: ProviderHttp;
  readonly #options: ProviderOptions;
  readonly #caller: Caller;
  readonly #clock: Clock;
  #metadata: oauth.AuthorizationServer | undefined = undefined;
  #asking: Promise<oauth.AuthorizationServer> | undefined = undefined;
  #failure: Error | undefined = undefined;
  #wait = 0;
  /** When it may be asked again; and its keys, for a token that they do not prove. */
  #again = 0;
  #keysAgain = 0;

  constructor(options: ProviderOptions, caller: Caller, clock: Clock) {
    this.#options = options;
    this.#caller = caller;
    this.#clock = clock;
    this.http = {
      [oauth.customFetch]: (url, given) => this.#fetch(url, given),
      [oauth.allowInsecureRequests]: options.insecure,
      [oauth.jwksCache]: {},
    };
  }

  /** What it says of itself; the last that is known where it cannot be asked. Rejects where nothing is known yet. */
  metadata(): Promise<oauth.AuthorizationServer> {
    const due = this.#clock.now() >= this.#again;
    if (this.#metadata !== undefined) {
      if (due) this.#ask().catch(() => undefined);
      return Promise.resolve(this.#metadata);
    }
    if (this.#asking === undefined && !due && this.#failure !== undefined)
      return Promise.reject(this.#failure);
    return this.#ask();
  }

  /** Checks an ID token by the provider's keys; fetches them anew where they do not prove it. Rejects where none does. */
  async prove(server: oauth.AuthorizationServer, response: Response): Promise<void> {
    const { http } = this;
    try {
      await oauth.validateApplicationLevelSignature(server, response, http);
    } catch (error) {
      const now = this.#clock.now();
      if (error instanceof CallFailed || now < this.#keysAgain) throw error;
      this.#keysAgain = now + KEYS_AGAIN;
      // Keys are remembered for the object that names their address: another one has none yet.
      const anew = { ...server };
      const keys: oauth.JWKSCacheInput = {};
      await oauth.validateApplicationLevelSignature(anew, response, { ...http, [oauth.jwksCache]: keys });
      Object.assign(http[oauth.jwksCache], keys);
      this.#metadata = anew;
    }
  }

  close(): void {
    this.#metadata = undefined;
  }

  #ask(): Promise<oauth.AuthorizationServer> {
    this.#asking ??= this.#discover().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#options.issuer);
    try {
      const response = await oauth.discoveryRequest(issuer, this.http);
      const found = await oauth.processDiscoveryResponse(issuer, response);
      if (this.#failure !== undefined) this.#options.tell(`oidc: ${issuer.href} says again who it is`);
      this.#metadata = found;
      this.#failure = undefined;
      this.#wait = 0;
      this.#again = this.#clock.now() + FRESH;
      return found;
    } catch (error) {
      if (this.#failure === undefined)
        this.#options.tell(`oidc: ${issuer.href} cannot be asked who it is: ${(error as Error).message}`);
      this.#failure = error as Error;
      this.#wait = Math.min(Math.max(RETRY, 2 * this.#wait), RETRY_MOST);
      this.#again = this.#clock.now() + this.#wait;
      throw error;
    }
  }

  async #fetch(
    url: string,
    { method, headers, body }: oauth.CustomFetchOptions<string, URLSearchParams | null | undefined>,
  ): Promise<Response> {
    const { service, timeout } = this.#options;
    const { host, pathname, search } = new URL(url);
    const reply = await this.#caller.call({
      to: service === undefined ? { url } : { service, path: pathname + search },
      method,
      fields: Fields.from(headers),
      ...(service !== undefined && { authority: host }),
      ...(body != null && { body: body.toString() }),
      timeout,
      max: MAX,
    });
    if (reply.status >= 500) throw new CallFailed("call_failed", `${host} answers ${reply.status}`);
    const empty = reply.status === 204 || reply.status === 205 || reply.status === 304;
    return new Response(empty ? null : new Uint8Array(reply.body), {
      status: reply.status,
      headers: [...reply.fields.entries()] as [string, string][],
    });
  }
}
