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

/** Lists of what CAs have revoked, by which a listener looks at clients' certificates. */
export interface RevocationReading {
  readonly listener: string;
  /** The file that they were read from. */
  readonly list: string;
  /** When the first of them ends, in milliseconds since 1970. */
  readonly until: number;
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

/** The revocation lists of a config's listeners that say when they end. */
export function revocationsOf(listeners: readonly ListenerConfig[]): RevocationReading[] {
  return listeners.flatMap(({ name, tls }) => {
    const known = new Map<string, number>();
    for (const { lists } of tls?.clients ?? [])
      if (lists?.until !== undefined)
        known.set(lists.label, Math.min(lists.until, known.get(lists.label) ?? lists.until));
    return [...known].map(([list, until]) => ({ listener: name, list, until }));
  });
}

/** What ends, when, at which days before that is said, and what happens then. */
interface Ending {
  readonly listener: string;
  readonly name: string;
  readonly until: number;
  readonly marks: readonly number[];
  readonly meaning: string;
}

/** Says when certificates and revocation lists are about to expire: once at each mark, and once after a start. */
export class ExpiryLog {
  readonly #log: (line: string) => void;
  /** The mark that was last spoken of, by certificate. */
  readonly #said = new Map<string, number>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Looks at all; `now` in milliseconds since 1970. */
  look(
    certificates: readonly CertificateReading[],
    now: number,
    revocations: readonly RevocationReading[] = [],
  ): void {
    const living = new Set<string>();
    for (const { listener, certificate, serial, notAfter, ocspUntil } of certificates) {
      const name = `the certificate ${certificate} (serial ${serial})`;
      this.#one({ listener, name, until: notAfter, marks: MARKS, meaning: "" }, now, living);
      if (ocspUntil === undefined) continue;
      const answer = `the OCSP answer of ${name}`;
      this.#one({ listener, name: answer, until: ocspUntil, marks: SHORT, meaning: UNSTAPLED }, now, living);
    }
    for (const { listener, list, until } of revocations) {
      const name = `the revocation list ${list}`;
      this.#one({ listener, name, until, marks: SHORT, meaning: REFUSED }, now, living);
    }
    for (const key of this.#said.keys()) if (!living.has(key)) this.#said.delete(key);
  }

  #one({ listener, name, until, marks, meaning }: Ending, now: number, living: Set<string>): void {
    const key = `${listener} ${name} ${until}`;
    living.add(key);
    const mark = marks.findLast((days) => until - now <= days * DAY);
    if (mark === undefined || this.#said.get(key) === mark) return;
    this.#said.set(key, mark);
    const what = `listener ${listener}: ${name}`;
    const day = new Date(until).toISOString().slice(0, 16).replace("T", " ");
    const days = Math.ceil((until - now) / DAY);
    this.#log(
      until <= now
        ? `${what} HAS EXPIRED (${day})${meaning}`
        : `${what} expires in ${days} day${days === 1 ? "" : "s"} (${day})`,
    );
  }
}

/** OCSP answers and revocation lists live for days only. */
const SHORT: readonly number[] = [1, 0];
const UNSTAPLED = ": it is not handed out any more";
const REFUSED = ": every client certificate is refused until there is a new one";
