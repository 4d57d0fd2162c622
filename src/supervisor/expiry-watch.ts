import type { ListenerConfig } from "../config/schema.ts";
import { type CertificateReading, certificatesOf, ExpiryLog } from "../observe/certificates.ts";

/** Between two looks, in milliseconds. */
const EVERY = 3_600_000;

/** Keeps an eye on the certificates in force: says in time when one expires. */
export class ExpiryWatch {
  readonly #log: ExpiryLog;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Those of the listeners in force. */
  certificates: readonly CertificateReading[] = [];

  constructor(log: (line: string) => void) {
    this.#log = new ExpiryLog(log);
  }

  /** From now on these listeners are in force. */
  set(listeners: readonly ListenerConfig[]): void {
    this.certificates = certificatesOf(listeners);
    this.#look();
    if (this.certificates.length === 0) this.close();
    else this.#timer ??= setInterval(() => this.#look(), EVERY).unref();
  }

  #look(): void {
    this.#log.look(this.certificates, Date.now());
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
