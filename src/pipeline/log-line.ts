import type { Clock } from "../lib/clock.ts";
import type { Exchange } from "./exchange.ts";
import { LOG_FIELDS, type LogKind, type LogValue } from "./log-fields.ts";
import { splitTemplate } from "./template.ts";

/** Makes the line of an exchange that is over. */
export type LogLine = (x: Exchange) => string;

/** What a line tells. */
export interface LineParts {
  /** Names of LOG_FIELDS. */
  readonly fields: readonly string[];
  /** Names of request fields. */
  readonly request: readonly string[];
  /** Names of answer fields. */
  readonly response: readonly string[];
}

/** Fields that carry what proves who somebody is: no log ever holds them. */
const SECRET: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "cookie2",
  "set-cookie",
  "set-cookie2",
  "x-api-key",
  "x-auth-token",
  "x-csrf-token",
  "x-amz-security-token",
]);

/** Whether a field may stand in a log. */
export function mayBeLogged(name: string): boolean {
  return !SECRET.has(name.toLowerCase().replaceAll("_", "-"));
}

/** A line of JSON; what is not known is null. */
export function compileJsonLine({ fields, request, response }: LineParts, clock: Clock): LogLine {
  const parts = fields.map((name, i) => {
    const { read, kind } = LOG_FIELDS[name]!;
    return WRITERS[kind](`${i === 0 ? "{" : ","}"${name}":`, (x) => read(x, clock));
  });
  const groups = [
    ["request", request.map(requestField)],
    ["response", response.map(responseField)],
  ] as const;
  for (const [group, named] of groups) {
    if (named.length === 0) continue;
    const open = `${parts.length === 0 ? "{" : ","}"${group}":{`;
    parts.push((x) => `${open}${named.map(([key, read]) => key + jsonOfWire(read(x))).join(",")}}`);
  }
  return (x) => {
    let line = "";
    for (const part of parts) line += part(x);
    return `${line}}`;
  };
}

type NamedRead = readonly [key: string, read: (x: Exchange) => LogValue];

function requestField(name: string): NamedRead {
  return [`${JSON.stringify(name.toLowerCase())}:`, (x) => x.request.field(name)];
}

function responseField(name: string): NamedRead {
  return [`${JSON.stringify(name.toLowerCase())}:`, (x) => x.reply?.fields.get(name)];
}

/** What JSON needs no escape for. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function jsonOfWire(value: LogValue): string {
  if (typeof value === "string") return PLAIN.test(value) ? `"${value}"` : JSON.stringify(utf8Of(value));
  return value === undefined ? "null" : `${value}`;
}

type Read = (x: Exchange) => LogValue;

/** How a value of each kind is written behind its key. */
const WRITERS: Readonly<Record<LogKind, (key: string, read: Read) => LogLine>> = {
  literal: (key, read) => (x) => key + (read(x) ?? "null"),
  plain: (key, read) => {
    const open = `${key}"`;
    return (x) => {
      const value = read(x);
      return value === undefined ? `${key}null` : `${open}${value}"`;
    };
  },
  ours: (key, read) => remembered(key, read, JSON.stringify),
  peer: (key, read) => remembered(key, read, jsonOfWire),
  wire: (key, read) => (x) => key + jsonOfWire(read(x)),
};

/** For values that are few, or mostly the same as a line before. */
function remembered(key: string, read: Read, json: (value: LogValue) => string): LogLine {
  let last: LogValue;
  let written = `${key}null`;
  return (x) => {
    const value = read(x);
    if (value === last) return written;
    last = value;
    written = value === undefined ? `${key}null` : key + json(value);
    return written;
  };
}

/** Octets that came by the wire, read as UTF-8. */
function utf8Of(value: string): string {
  return Buffer.from(value, "latin1").toString("utf8");
}

/**
 * A line of text: `${client} ${method} ${path} ${status}`. What is not known is "-"; control characters, quotes and
 * backslashes are written as \xHH, so that a line stays one line. Throws a RangeError for a name that there is not.
 */
export function compileTextLine(template: string, clock: Clock): LogLine {
  const { literals, names } = splitTemplate(template);
  if (literals.some((literal) => /[\x00-\x08\x0a-\x1f\x7f]/.test(literal)))
    throw new RangeError("a line holds no control characters but tabs");
  const reads = names.map((name) => textReader(name, clock));
  return (x) => {
    let line = literals[0]!;
    for (let i = 0; i < reads.length; i++) line += reads[i]!(x) + literals[i + 1]!;
    return line;
  };
}

function textReader(name: string, clock: Clock): (x: Exchange) => string {
  const [, side, field] = /^(request|response)\.header\.(.+)$/.exec(name) ?? [];
  if (field !== undefined) {
    if (!mayBeLogged(field)) throw new RangeError(`${field} holds secrets; no log may carry it`);
    const [, read] = side === "request" ? requestField(field) : responseField(field);
    return (x) => plainText(read(x), false);
  }
  if (!Object.hasOwn(LOG_FIELDS, name))
    throw new RangeError(
      `there is no \${${name}}; write one of ${Object.keys(LOG_FIELDS).join(", ")}, request.header.NAME, response.header.NAME`,
    );
  const { read, kind } = LOG_FIELDS[name]!;
  return (x) => plainText(read(x, clock), kind === "ours");
}

function plainText(value: LogValue, ours: boolean): string {
  if (value === undefined || value === "") return "-";
  if (typeof value !== "string") return `${value}`;
  if (PLAIN.test(value)) return value;
  const text = ours ? value : utf8Of(value);
  return text.replace(/[\x00-\x1f\x7f-\x9f"\\\u2028\u2029]/g, (found) => {
    const code = found.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
