import { setTimeout as sleep } from "node:timers/promises";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { isAccountGone } from "./account.ts";
import { quietFor } from "./ask-ca.ts";
import { orderCertificate } from "./order.ts";
import { backOff, lifetimeOf, renewalTime } from "./renewal.ts";
import { AcmeStorage } from "./storage.ts";

/** Other gateways may renew what they share: the storage is looked at so often, in milliseconds. */
const LOOK = 60_000;
/** Another gateway is at it: how long until it is looked at again, in milliseconds. */
const LOCKED = 5_000;
/** Between two orders, also where a certificate is due as soon as it is there, in milliseconds. */
const PAUSE = 60_000;
/** Until the first try with a new account where the CA has forgotten the old one, in milliseconds. */
const SOON = 1_000;
/** How long an order that is under way is waited for at the end, in milliseconds. */
const LEAVE = 1_000;
/** What a CA says may be long. */
const MAX_REASON = 400;

/** What a task needs from around it. */
export interface TaskEvents {
  readonly log: (line: string) => void;
  /** The certificate in the storage is another one: it is to be served. */
  readonly changed: (why: string) => Promise<unknown>;
}

/** Keeps one certificate: orders it where it is missing, renews it in time, tries again where that fails. */
export class CertificateTask {
  /** Orders that succeeded and failed. */
  readonly counts: { obtained: number; failed: number } = { obtained: 0, failed: 0 };
  /** When what is in the storage expires, in milliseconds since 1970; undefined where there is nothing. */
  expires: number | undefined = undefined;
  readonly #acme: AcmeConfig;
  readonly #storage: AcmeStorage;
  readonly #events: TaskEvents;
  readonly #end = new AbortController();
  readonly #chance = Math.random();
  #failures = 0;
  #seen: string | undefined = undefined;
  #notBefore = 0;
  readonly #done: Promise<void>;

  constructor(acme: AcmeConfig, events: TaskEvents) {
    this.#acme = acme;
    this.#storage = new AcmeStorage(acme);
    this.#events = events;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      const wait = await this.#look().catch((error) => this.#failed(error));
      await sleep(Math.min(wait, LOOK), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Does what is to be done now; gives the milliseconds until the next look. */
  async #look(): Promise<number> {
    const rest = this.#notBefore - Date.now();
    const due = await this.#due().catch((error: unknown) => {
      if (rest > 0) return 0; // it was told when it failed before
      throw error;
    });
    const now = Date.now();
    if (due > now) return due - now;
    if (rest > 0) return rest;
    const lock = await this.#storage.lock();
    if (lock === undefined) return LOCKED;
    try {
      if ((await this.#due()) > Date.now() || this.#end.signal.aborted) return 0;
      await this.#obtain();
      return 0;
    } finally {
      await lock.release();
    }
  }

  /** When the next order is due, in milliseconds since 1970; what another gateway has obtained is taken up. */
  async #due(): Promise<number> {
    const pem = await this.#storage.readCertificate();
    const lifetime = pem === undefined ? undefined : lifetimeOf(pem);
    this.expires = lifetime?.to;
    if (pem !== undefined && lifetime !== undefined && pem !== this.#seen) {
      const first = this.#seen === undefined;
      this.#seen = pem;
      if (!first) await this.#events.changed(`a new certificate for ${this.#names}`);
    }
    return lifetime === undefined ? 0 : renewalTime(lifetime, this.#chance);
  }

  async #obtain(): Promise<void> {
    const { log, changed } = this.#events;
    log(`acme: orders a certificate for ${this.#names} from ${new URL(this.#acme.directory).host}`);
    const pem = await orderCertificate(this.#acme, this.#storage, this.#end.signal);
    await this.#storage.keepCertificate(pem);
    this.#seen = pem;
    this.#failures = 0;
    this.#notBefore = Date.now() + PAUSE;
    this.counts.obtained++;
    const until = lifetimeOf(pem)?.to;
    this.expires = until;
    log(`acme: obtained a certificate for ${this.#names}, valid until ${new Date(until ?? 0).toISOString()}`);
    await changed(`a new certificate for ${this.#names}`);
  }

  /** An order failed; gives the milliseconds until the next try. */
  async #failed(error: unknown): Promise<number> {
    if (this.#end.signal.aborted) return 0;
    this.counts.failed++;
    this.#failures++;
    const retry = this.#failures === 1 && isAccountGone(error);
    if (isAccountGone(error)) await this.#storage.dropAccount().catch(() => undefined);
    const wait = retry ? SOON : backOff(this.#failures, Math.random(), quietFor(this.#acme.directory));
    this.#notBefore = Date.now() + wait;
    const reason = plain(String((error as Error | undefined)?.message ?? error));
    this.#events.log(
      `acme: no certificate for ${this.#names}: ${reason}; the next try is in ${Math.round(wait / 1_000)} s`,
    );
    return wait;
  }

  get #names(): string {
    const { hosts } = this.#acme;
    return hosts.length > 3 ? `${hosts[0]} and ${hosts.length - 1} more` : hosts.join(", ");
  }

  /** Stops; resolves when nothing is under way any more, or shortly after where the CA does not answer. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.race([this.#done, sleep(LEAVE, undefined, { ref: false })]);
  }
}

/** One line of visible text. */
function plain(text: string): string {
  const line = text.replace(/[\s\x00-\x1f\x7f]+/g, " ").trim();
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON)}…` : line;
}
