import type { Clock } from "../lib/clock.ts";
import { type Caller, CallFailed, type CallReply, type CallRequest, isDryCall } from "../pipeline/calls.ts";
import type { Kept } from "../pipeline/policy.ts";
import { type ClientLogin, clientForm } from "./client-login.ts";
import { objectIn } from "./fetched.ts";

/** Where tokens for a service come from. */
export interface ServiceTokensOptions {
  readonly to: CallRequest["to"];
  /** How messages name it. */
  readonly name: string;
  readonly login: ClientLogin;
  /** What is asked for beside the grant: scope, audience, resource. */
  readonly form: Readonly<Record<string, string>>;
  readonly caller: Caller;
  readonly clock: Clock;
  /** Milliseconds that one question may take. */
  readonly timeout: number;
  tell(line: string): void;
}

/** Why there is no token: the server cannot be asked, or it said no. */
export type NoToken = "unavailable" | "refused";

/** A token for a service. */
export interface ServiceToken {
  readonly value: string;
  /** Of the monotonic clock: when it was had, from when on another is asked for, and when it is over. */
  readonly from: number;
  readonly renewAt: number;
  readonly until: number;
}

/** Milliseconds that a token lives whose server does not say (RFC 6749 §5.1 only recommends it). */
const UNSAID = 300_000;
/** Another one is had so long before the end, or a fifth of a life where that is less. */
const EARLY = 30_000;
/** After a failure nobody asks for so long. */
const PAUSE = 1_000;
/** A service that refuses a token younger than this would refuse the next one as well. */
const YOUNG = 5_000;
const TOKEN = /^[\x21-\x7e]{1,16384}$/;

/** Gets a token by the client's own credentials (RFC 6749 §4.4) and renews it before it is over; one question at a time. */
export class ServiceTokens implements Kept {
  readonly #options: ServiceTokensOptions;
  #token: ServiceToken | undefined = undefined;
  #asking: Promise<ServiceToken | NoToken> | undefined = undefined;
  #failed: { readonly why: NoToken; readonly until: number } | undefined = undefined;

  constructor(options: ServiceTokensOptions) {
    this.#options = options;
  }

  /** A token that holds; a promise where one must be asked for, which rejects only where nobody is. */
  current(): ServiceToken | NoToken | Promise<ServiceToken | NoToken> {
    const now = this.#options.clock.now();
    const token = this.#token;
    if (token !== undefined && now < token.until) {
      if (now >= token.renewAt && !this.#pauses(now)) this.#ask().catch(() => undefined);
      return token;
    }
    return this.#pauses(now) ? this.#failed!.why : this.#ask();
  }

  /** The service refused this token: the next request asks for another. */
  drop(token: ServiceToken): void {
    if (this.#token === token && this.#options.clock.now() - token.from >= YOUNG) this.#token = undefined;
  }

  close(): void {
    this.#token = undefined;
  }

  #pauses(now: number): boolean {
    return this.#failed !== undefined && now < this.#failed.until;
  }

  #ask(): Promise<ServiceToken | NoToken> {
    this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #load(): Promise<ServiceToken | NoToken> {
    const { caller, clock, to, timeout, login, form } = this.#options;
    const began = clock.now();
    try {
      const request = clientForm(login, { grant_type: "client_credentials", ...form });
      const reply = await caller.call({ to, method: "POST", timeout, max: 65_536, ...request });
      if (reply.status !== 200)
        return this.#fail(reply.status >= 500 ? "unavailable" : "refused", whyNot(reply));
      this.#token = tokenIn(reply, began);
      if (this.#failed !== undefined) this.#options.tell(`${this.#options.name}: gives tokens again`);
      this.#failed = undefined;
      return this.#token;
    } catch (error) {
      if (isDryCall(error)) throw error;
      return this.#fail(error instanceof CallFailed ? "unavailable" : "refused", (error as Error).message);
    }
  }

  #fail(why: NoToken, message: string): NoToken {
    const { clock, name, tell } = this.#options;
    if (this.#failed === undefined) tell(`${name}: gives no token (${message})`);
    this.#failed = { why, until: clock.now() + PAUSE };
    return why;
  }
}

/** The status, and the error's code where it is one (RFC 6749 §5.2); nothing else of the answer. */
function whyNot(reply: CallReply): string {
  let code: unknown;
  try {
    code = objectIn(reply)["error"];
  } catch {}
  const said = typeof code === "string" && /^[a-z_]{1,64}$/.test(code) ? `, ${code}` : "";
  return `it answered with status ${reply.status}${said}`;
}

/** Throws an Error that says nothing of the token. */
function tokenIn(reply: CallReply, from: number): ServiceToken {
  const { access_token: value, token_type: type, expires_in: expires } = objectIn(reply);
  if (typeof value !== "string" || !TOKEN.test(value)) throw new Error("its answer has no access_token");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer")
    throw new Error("its token_type is not Bearer");
  const seconds = Number(expires);
  const life = expires !== undefined && seconds > 0 ? seconds * 1_000 : UNSAID;
  return { value, from, until: from + life, renewAt: from + life - Math.min(EARLY, life / 5) };
}
