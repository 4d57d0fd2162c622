import type { ListenerConfig } from "../config/schema.ts";
import {
  type CertificateReading,
  certificatesOf,
  ExpiryLog,
  type RevocationReading,
  revocationsOf,
} from "../observe/certificates.ts";

/** Between two looks at most, in milliseconds. */
const EVERY = 3_600_000;
/** Between two looks at least, in milliseconds. */
const PAUSE = 1_000;

/** Keeps an eye on certificates and revocation lists in force: says in time when one expires, and when it has. */
export class ExpiryWatch {
  readonly #log: ExpiryLog;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Those of the listeners in force. */
  certificates: readonly CertificateReading[] = [];
  /** Lists by which the listeners in force look at clients' certificates. */
  revocations: readonly RevocationReading[] = [];

  constructor(log: (line: string) => void) {
    this.#log = new ExpiryLog(log);
  }

  /** From now on these listeners are in force. */
  set(listeners: readonly ListenerConfig[]): void {
    this.certificates = certificatesOf(listeners);
    this.revocations = revocationsOf(listeners);
    this.#look();
  }

  /** Looks, and again when the next one has expired. */
  #look(): void {
    this.close();
    const now = Date.now();
    this.#log.look(this.certificates, now, this.revocations);
    const ends = [
      ...this.certificates.flatMap(({ notAfter, ocspUntil }) => [notAfter, ocspUntil ?? 0]),
      ...this.revocations.map(({ until }) => until),
    ];
    if (ends.length === 0) return;
    const next = ends.filter((end) => end > now).map((end) => end - now);
    this.#timer = setTimeout(() => this.#look(), Math.max(PAUSE, Math.min(EVERY, ...next))).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
