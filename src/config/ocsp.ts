/** What a CA said of a certificate (RFC 6960 §4.2.1), as far as a server must know it. */
export interface OcspAnswer {
  readonly status: "good" | "revoked" | "unknown";
  /** Serial number of the certificate, in lower-case hex. */
  readonly serial: string;
  /** Until then it holds, in milliseconds since 1970; undefined where that is not said. */
  readonly nextUpdate: number | undefined;
}

const SEQUENCE = 0x30;
const ENUMERATED = 0x0a;
const INTEGER = 0x02;
const TIME = 0x18;
const EXPLICIT_0 = 0xa0;

/** One value in DER: its tag, and where its content begins and ends. */
interface Value {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

/** Reads an OCSP answer (DER). Throws an Error that says what is wrong with it. */
export function readOcsp(der: Buffer): OcspAnswer {
  const whole = valueAt(der, 0, der.length);
  const [status, bytes] = inside(der, whole);
  if (whole.tag !== SEQUENCE || status?.tag !== ENUMERATED) throw new Error("is no OCSP answer");
  if (der[status.from] !== 0) throw new Error(`is an OCSP answer that says "error ${der[status.from]}"`);
  const basic = inside(der, need(inside(der, need(bytes))[0]))[1];
  const data = inside(der, valueAt(der, need(basic).from, need(basic).to))[0];
  // Version and responder have tags of their own: the list of answers is the first plain sequence.
  const answers = inside(der, need(data)).find(({ tag }) => tag === SEQUENCE);
  const single = inside(der, need(answers))[0];
  return readSingle(der, inside(der, need(single)));
}

function readSingle(der: Buffer, [id, status, , next]: readonly Value[]): OcspAnswer {
  const serial = inside(der, need(id)).at(-1);
  if (serial?.tag !== INTEGER) throw new Error("is no OCSP answer");
  const kind = need(status).tag & 0x1f;
  const until = next?.tag === EXPLICIT_0 ? valueAt(der, next.from, next.to) : undefined;
  return {
    status: kind === 0 ? "good" : kind === 1 ? "revoked" : "unknown",
    serial: plainSerial(der.toString("hex", serial.from, serial.to)),
    nextUpdate: until?.tag === TIME ? timeOf(der.toString("latin1", until.from, until.to)) : undefined,
  };
}

/** A serial number without leading zeros, in lower-case hex. */
export function plainSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, "");
}

/** `20260101120000Z` in milliseconds since 1970. */
function timeOf(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(+year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

function need(value: Value | undefined): Value {
  if (value === undefined) throw new Error("is no OCSP answer");
  return value;
}

function valueAt(der: Buffer, at: number, end: number): Value {
  const tag = der[at];
  let length = der[at + 1];
  let from = at + 2;
  if (tag === undefined || length === undefined) throw new Error("is no OCSP answer");
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 4 || from + octets > end) throw new Error("is no OCSP answer");
    length = der.readUIntBE(from, octets);
    from += octets;
  }
  if (from + length > end) throw new Error("is no OCSP answer");
  return { tag, from, to: from + length };
}

function inside(der: Buffer, { from, to }: Value): Value[] {
  const values: Value[] = [];
  for (let at = from; at < to; ) {
    const value = valueAt(der, at, to);
    values.push(value);
    at = value.to;
  }
  return values;
}
