import { Agent } from "node:https";
import { ask } from "./ask.ts";
import { Http2Asker } from "./ask-http2.ts";
import type { Certificate } from "./certificate.ts";
import { must } from "./failure.ts";
import { askOnNewConnection } from "./fresh-connection.ts";

/** HTTP/1.1 connections that are kept from the first to the last moment, each asked so often. */
const KEPT = 16;
const KEPT_EVERY_MS = 100;
/** New connections, one request each; every third offers a session to resume. */
const NEW_EVERY_MS = 20;
const RESUME_EVERY = 3;
const HTTP2_EVERY_MS = 50;

/** Requests over one kind of connection. */
export interface SwapAccount {
  answered: number;
  readonly failures: string[];
}

/** Counts its connections: a second one means that the first was closed. */
class CountingAgent extends Agent {
  connections = 0;

  override createConnection(
    ...given: Parameters<Agent["createConnection"]>
  ): ReturnType<Agent["createConnection"]> {
    this.connections += 1;
    return super.createConnection(...given);
  }
}

/** Clients that a change of certificates must not harm. */
export class SwapClients implements AsyncDisposable {
  /** HTTP/1.1 over connections that stay. */
  readonly kept: SwapAccount = { answered: 0, failures: [] };
  /** HTTP/2 over one connection that stays. */
  readonly http2: SwapAccount = { answered: 0, failures: [] };
  /** A new connection for each request, handshake and all. */
  readonly fresh: SwapAccount = { answered: 0, failures: [] };
  /** New connections that resumed a session. */
  resumed = 0;
  readonly #port: number;
  /** Believes all of them. */
  readonly #believer: Certificate;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #agents: CountingAgent[] = [];
  #http2: Http2Asker | undefined = undefined;
  #allowed: ReadonlySet<string> = new Set();
  #session: Buffer | undefined = undefined;
  #begun = 0;

  /** `certificates`: all that will ever be shown. */
  constructor(port: number, certificates: readonly Certificate[]) {
    const [first] = certificates;
    must(first !== undefined, "there is no certificate");
    this.#port = port;
    this.#believer = { ...first, text: certificates.map(({ text }) => text).join("\n") };
  }

  /** From now on a new connection must be shown one of these. */
  allow(...certificates: readonly Certificate[]): void {
    this.#allowed = new Set(certificates.map(({ fingerprint }) => fingerprint));
  }

  /** Begins. */
  start(): void {
    const [port, certificate] = [this.#port, this.#believer];
    for (let index = 0; index < KEPT; index += 1) {
      const agent = new CountingAgent({ keepAlive: true, maxSockets: 1 });
      this.#agents.push(agent);
      this.#every(KEPT_EVERY_MS, () => count(this.kept, ask(port, "/small", { agent, certificate })));
    }
    const session = new Http2Asker(port, certificate);
    this.#http2 = session;
    this.#every(HTTP2_EVERY_MS, () => count(this.http2, session.ask("/small")));
    this.#every(NEW_EVERY_MS, () => this.#askAnew());
  }

  /** Asks no more and waits for what is under way; gives the number of kept connections that were lost. */
  async stop(): Promise<number> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await Promise.all(this.#underWay);
    for (const agent of this.#agents) agent.destroy();
    this.#http2?.[Symbol.dispose]();
    return this.#agents.reduce((sum, { connections }) => sum + connections - 1, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #every(milliseconds: number, what: () => Promise<void>): void {
    const timer = setInterval(() => {
      const one = what().finally(() => this.#underWay.delete(one));
      this.#underWay.add(one);
    }, milliseconds);
    this.#timers.push(timer);
  }

  async #askAnew(): Promise<void> {
    this.#begun += 1;
    const session = this.#begun % RESUME_EVERY === 0 ? this.#session : undefined;
    const before = this.#allowed;
    const trusted = [this.#believer.text];
    const result = await askOnNewConnection({ port: this.#port, trusted, session });
    const { fingerprint } = result;
    const old = fingerprint !== undefined && !before.has(fingerprint) && !this.#allowed.has(fingerprint);
    const failure = result.failure ?? (old ? "a certificate of earlier" : undefined);
    if (failure === undefined) this.fresh.answered += 1;
    else this.fresh.failures.push(failure);
    if (result.resumed) this.resumed += 1;
    this.#session = result.session ?? this.#session;
  }
}

async function count(account: SwapAccount, asked: Promise<{ readonly status: number }>): Promise<void> {
  try {
    const { status } = await asked;
    if (status === 200) account.answered += 1;
    else account.failures.push(`status ${status}`);
  } catch (error) {
    account.failures.push(error instanceof Error ? error.message : String(error));
  }
}
