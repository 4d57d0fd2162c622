import type { ListenerConfig } from "../config/schema.ts";

/** A certificate that a listener shows, and how long it may. */
export interface CertificateReading {
  readonly listener: string;
  /** The file that it was read from, or its first host. */
  readonly certificate: string;
  /** Serial number in lower-case hex. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** End of its OCSP answer, where it has one. */
  readonly ocspUntil: number | undefined;
}

const DAY = 86_400_000;
/** Days before the end at which a line is written. */
const MARKS: readonly number[] = [30, 14, 7, 1, 0];

/** The certificates of a config's listeners. */
export function certificatesOf(listeners: readonly ListenerConfig[]): CertificateReading[] {
  return listeners.flatMap(({ name, tls }) =>
    (tls?.certificates ?? []).flatMap(({ about }) =>
      about === undefined
        ? []
        : [
            {
              listener: name,
              certificate: about.label,
              serial: about.serial,
              notAfter: about.notAfter,
              ocspUntil: about.ocspUntil,
            },
          ],
    ),
  );
}

/** Says when certificates are about to expire: once at each mark, and once after a start. */
export class ExpiryLog {
  readonly #log: (line: string) => void;
  /** The mark that was last spoken of, by certificate. */
  readonly #said = new Map<string, number>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Looks at all; `now` in milliseconds since 1970. */
  look(certificates: readonly CertificateReading[], now: number): void {
    const living = new Set<string>();
    for (const one of certificates) {
      this.#one(one, "", one.notAfter, now, living);
      if (one.ocspUntil !== undefined)
        this.#one(one, "the OCSP answer of ", one.ocspUntil, now, living, OCSP);
    }
    for (const key of this.#said.keys()) if (!living.has(key)) this.#said.delete(key);
  }

  #one(
    { listener, certificate, serial }: CertificateReading,
    what: string,
    until: number,
    now: number,
    living: Set<string>,
    marks: readonly number[] = MARKS,
  ): void {
    const key = `${listener} ${what}${certificate} ${serial} ${until}`;
    living.add(key);
    const mark = marks.findLast((days) => until - now <= days * DAY);
    if (mark === undefined || this.#said.get(key) === mark) return;
    this.#said.set(key, mark);
    const name = `listener ${listener}: ${what}the certificate ${certificate} (serial ${serial})`;
    const day = new Date(until).toISOString().slice(0, 16).replace("T", " ");
    const days = Math.ceil((until - now) / DAY);
    this.#log(
      until <= now
        ? `${name} HAS EXPIRED (${day})`
        : `${name} expires in ${days} day${days === 1 ? "" : "s"} (${day})`,
    );
  }
}

/** An OCSP answer lives for days only. */
const OCSP: readonly number[] = [1, 0];
