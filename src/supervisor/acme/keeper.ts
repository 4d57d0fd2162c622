import { acmeCertificateFile } from "../../config/acme-files.ts";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import type { ListenerConfig } from "../../config/schema.ts";
import type { AcmeReading } from "../../observe/prometheus.ts";
import type { ConfigUpdate } from "../protocol.ts";
import type { CertificateTask } from "./certificate-task.ts";
import type { StandIns } from "./stand-ins.ts";

/** What it needs from around it. */
export interface KeeperOptions {
  readonly log: (line: string) => void;
  /** Reads the config again: with the certificates that are there now. */
  readonly reload: (why: string) => Promise<unknown>;
}

/** A certificate that is kept, and the config, as text, by which it is. */
interface Kept {
  readonly text: string;
  readonly host: string;
  readonly task: CertificateTask;
}

/** Has certificates of CAs by ACME: those that the config in force asks for. What that takes is loaded only then. */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  /** By the file of the certificate. */
  readonly #tasks = new Map<string, Kept>();
  #wanted: ReadonlyMap<string, AcmeConfig> = new Map();
  #standIns: StandIns | undefined = undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** An update whose listeners all have something to answer with: where the CA's is missing, a certificate of the gateway's own making. */
  async settle(update: ConfigUpdate): Promise<ConfigUpdate> {
    if (wantedBy(update.base.listeners).size === 0) return update;
    const { StandIns } = await import("./stand-ins.ts");
    this.#standIns ??= new StandIns(this.#options.log);
    return this.#standIns.fill(update);
  }

  /** From now on these listeners are in force. */
  set(listeners: readonly ListenerConfig[]): void {
    if (this.#closed) return;
    const wanted = wantedBy(listeners);
    this.#wanted = wanted;
    for (const [file, { task, text }] of this.#tasks)
      if (JSON.stringify(wanted.get(file)) !== text) {
        this.#tasks.delete(file);
        void task.close();
      }
    if (wanted.size > this.#tasks.size) void this.#begin();
  }

  async #begin(): Promise<void> {
    const { CertificateTask } = await import("./certificate-task.ts");
    if (this.#closed) return;
    for (const [file, acme] of this.#wanted)
      if (!this.#tasks.has(file)) {
        const task = new CertificateTask(acme, { log: this.#options.log, changed: this.#options.reload });
        this.#tasks.set(file, { text: JSON.stringify(acme), host: acme.hosts[0]!, task });
      }
  }

  /** What came of it so far, by certificate. */
  get readings(): AcmeReading[] {
    return [...this.#tasks.values()].map(({ host, task }) => ({ host, ...task.counts }));
  }

  /** Stops; resolves when nothing is under way any more, or shortly after. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#tasks.values()];
    this.#tasks.clear();
    await Promise.all(all.map(({ task }) => task.close()));
  }
}

function wantedBy(listeners: readonly ListenerConfig[]): Map<string, AcmeConfig> {
  const wanted = new Map<string, AcmeConfig>();
  for (const { tls } of listeners)
    if (tls?.acme !== undefined) wanted.set(acmeCertificateFile(tls.acme), tls.acme);
  return wanted;
}
