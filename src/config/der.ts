/** One value in DER (X.690): its tag, and where its content begins and ends. */
export interface DerValue {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

export const INTEGER = 0x02;
export const ENUMERATED = 0x0a;
export const UTC_TIME = 0x17;
export const TIME = 0x18;
export const SEQUENCE = 0x30;
export const EXPLICIT_0 = 0xa0;

/** What is read is not DER, or not what was looked for. */
export class DerError extends Error {}

/** The value that is there, or a DerError. */
export function need(value: DerValue | undefined): DerValue {
  if (value === undefined) throw new DerError("a value is missing");
  return value;
}

/** The value at a position, which must end at `end` or before. Throws a DerError. */
export function valueAt(der: Buffer, at: number, end: number): DerValue {
  const tag = der[at];
  let length = der[at + 1];
  let from = at + 2;
  if (tag === undefined || length === undefined) throw new DerError("it ends within a value");
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 4 || from + octets > end) throw new DerError("a length cannot be");
    length = der.readUIntBE(from, octets);
    from += octets;
  }
  if (from + length > end) throw new DerError("it ends within a value");
  return { tag, from, to: from + length };
}

/** The values within a value. Throws a DerError. */
export function inside(der: Buffer, { from, to }: DerValue): DerValue[] {
  const values: DerValue[] = [];
  for (let at = from; at < to; ) {
    const value = valueAt(der, at, to);
    values.push(value);
    at = value.to;
  }
  return values;
}

/** A time (RFC 5280 §4.1.2.5) in milliseconds since 1970; undefined for what is none. */
export function timeOf(der: Buffer, { tag, from, to }: DerValue): number | undefined {
  if (tag !== UTC_TIME && tag !== TIME) return undefined;
  const text = der.toString("latin1", from, to);
  // Two digits of a year: from 1950 on.
  const whole = tag === TIME ? text : `${text < "5" ? "20" : "19"}${text}`;
  const [, year, ...rest] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(whole) ?? [];
  if (year === undefined) return undefined;
  const [month, day, hour, minute, second] = rest.map(Number);
  return Date.UTC(Number(year), month! - 1, day, hour, minute, second);
}
