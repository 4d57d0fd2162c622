/** What a row of the attack table is, and the pieces that rows are made of. Bytes are latin1 text. */
import type { Field } from "../../support/strict-parser.ts";

/** Stands for a name that is unique to each run of a case; the runner's names are as long, so lengths stay right. */
export const ID: string = "caseXXXXX";

/** The host that cases ask for unless they say otherwise. */
export const HOST: string = `${ID}.example`;

/** A request that no service may ever see: it hides in bodies, or follows a request that has to be refused. */
export const SMUGGLED: string = `GET /smuggled/${ID} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/** The one way in which a request may reach the service. What is left out: GET, `/ID`, the host above, no body. */
export interface Reading {
  readonly method?: string;
  readonly target?: string;
  /** The Host field at the service; null: any valid one. */
  readonly host?: string | null;
  /** Each name must be there with exactly these values, in this order. */
  readonly fields?: readonly Field[];
  readonly absent?: readonly string[];
  /** Bytes that must not be anywhere in the head. */
  readonly never?: readonly string[];
  readonly body?: string;
  /** Trailers that may be passed on; others may not. */
  readonly trailers?: readonly Field[];
}

export type RequestExpectation =
  /** Answered with one of the statuses and closed; the service gets nothing of it. `silent`: closing alone will do. */
  | { readonly kind: "refused"; readonly statuses: readonly number[]; readonly silent?: boolean }
  /** The same, but the service may have seen the beginning, which never becomes a complete request. */
  | { readonly kind: "cut"; readonly statuses: readonly number[]; readonly silent?: boolean }
  | { readonly kind: "forwarded"; readonly reading: Reading }
  | { readonly kind: "either"; readonly statuses: readonly number[]; readonly reading: Reading };

export interface RequestCase {
  readonly name: string;
  readonly bytes: string;
  readonly expect: RequestExpectation;
  /** The client half-closes after the bytes. */
  readonly end?: boolean;
  /** The connection ends with this request even when it is served: nothing is sent behind it. */
  readonly last?: boolean;
  /** A refusal need not close the connection; nothing is sent behind the request. */
  readonly keep?: boolean;
}

/** Rows that attack the same rule. */
export interface Family<Case> {
  readonly name: string;
  readonly rfc: string;
  readonly rule: string;
  readonly cases: readonly Case[];
}

export type RequestFamily = Family<RequestCase>;

/** A head: the request line, the fields, the empty line. */
export function head(line: string, ...fields: string[]): string {
  return [line, ...fields, "", ""].join("\r\n");
}

/** A GET of the case's own target with further fields. */
export function get(...fields: string[]): string {
  return head(`GET /${ID} HTTP/1.1`, `Host: ${HOST}`, ...fields);
}

/** A POST to the case's own target with further fields and body bytes. */
export function post(fields: readonly string[], body: string): string {
  return head(`POST /${ID} HTTP/1.1`, `Host: ${HOST}`, ...fields) + body;
}

/** A POST with chunked framing around these body bytes. */
export function chunked(body: string, ...fields: string[]): string {
  return post(["Transfer-Encoding: chunked", ...fields], body);
}

/** Must be refused before the service sees a byte; 400 unless told otherwise. */
export function refused(...statuses: number[]): RequestExpectation {
  return { kind: "refused", statuses: statuses.length > 0 ? statuses : [400] };
}

/** Must never become a complete request at the service; 400 unless told otherwise. */
export function cut(...statuses: number[]): RequestExpectation {
  return { kind: "cut", statuses: statuses.length > 0 ? statuses : [400] };
}

/** Must arrive in this reading. */
export function forwarded(reading: Reading = {}): RequestExpectation {
  return { kind: "forwarded", reading };
}

/** May be refused, or arrive in this reading and no other. */
export function either(reading: Reading = {}, statuses: readonly number[] = [400]): RequestExpectation {
  return { kind: "either", statuses, reading };
}

/** Rows that differ in one spelling only. */
export function spellings<Case>(
  list: readonly string[],
  make: (spelling: string) => Omit<Case, "name">,
): Case[] {
  return list.map((spelling) => ({ name: JSON.stringify(spelling), ...make(spelling) }) as Case);
}

/** Every byte from `from` to `to`, as one character each. */
export function byteRange(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i));
}

/** Control characters that no field value may hold: all but tab, CR, LF and NUL, which have rows of their own. */
export const CONTROLS: readonly string[] = [
  ...byteRange(1, 8),
  "\x0b",
  "\x0c",
  ...byteRange(0x0e, 0x1f),
  "\x7f",
];

/** Bytes that are neither token characters nor controls. */
export const DELIMITERS: readonly string[] = [...'"(),/;<=>?@[\\]{}'];
