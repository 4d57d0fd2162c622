import {
  DerError,
  type DerValue,
  ENUMERATED,
  EXPLICIT_0,
  INTEGER,
  inside,
  need,
  SEQUENCE,
  timeOf,
  valueAt,
} from "./der.ts";

/** What a CA said of a certificate (RFC 6960 §4.2.1), as far as a server must know it. */
export interface OcspAnswer {
  readonly status: "good" | "revoked" | "unknown";
  /** Serial number of the certificate, in lower-case hex. */
  readonly serial: string;
  /** Until then it holds, in milliseconds since 1970; undefined where that is not said. */
  readonly nextUpdate: number | undefined;
}

/** Reads an OCSP answer (DER). Throws an Error that says what is wrong with it. */
export function readOcsp(der: Buffer): OcspAnswer {
  try {
    return read(der);
  } catch (error) {
    throw error instanceof DerError ? new Error("is no OCSP answer") : error;
  }
}

function read(der: Buffer): OcspAnswer {
  const whole = valueAt(der, 0, der.length);
  const [status, bytes] = inside(der, whole);
  if (whole.tag !== SEQUENCE || status?.tag !== ENUMERATED) throw new DerError("the status is missing");
  if (der[status.from] !== 0) throw new Error(`is an OCSP answer that says "error ${der[status.from]}"`);
  const basic = inside(der, need(inside(der, need(bytes))[0]))[1];
  const data = inside(der, valueAt(der, need(basic).from, need(basic).to))[0];
  // Version and responder have tags of their own: the list of answers is the first plain sequence.
  const answers = inside(der, need(data)).find(({ tag }) => tag === SEQUENCE);
  const single = inside(der, need(answers))[0];
  return readSingle(der, inside(der, need(single)));
}

function readSingle(der: Buffer, [id, status, , next]: readonly DerValue[]): OcspAnswer {
  const serial = inside(der, need(id)).at(-1);
  if (serial?.tag !== INTEGER) throw new DerError("the serial number is missing");
  const kind = need(status).tag & 0x1f;
  const until = next?.tag === EXPLICIT_0 ? valueAt(der, next.from, next.to) : undefined;
  return {
    status: kind === 0 ? "good" : kind === 1 ? "revoked" : "unknown",
    serial: plainSerial(der.toString("hex", serial.from, serial.to)),
    nextUpdate: until && timeOf(der, until),
  };
}

/** A serial number without leading zeros, in lower-case hex. */
export function plainSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, "");
}
