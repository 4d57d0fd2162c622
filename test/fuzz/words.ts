import type { Random } from "../support/random.ts";

/** Pieces of HTTP's grammar (RFC 9110, RFC 9112, RFC 3986), drawn at random. */

const TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALNUM = "0123456789abcdefghijklmnopqrstuvwxyz";
const PCHAR = "!$&'()*+,-.0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
/** No URI holds them, but browsers and tools send them, and we let them pass. */
const ODD = '"<>[\\]^`{|}';
const VCHAR = range(0x21, 0x7e) + range(0x80, 0xff);
const METHODS = ["POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH", "TRACE"];
const NAMES = [
  "Accept",
  "Accept-Encoding",
  "Cookie",
  "Via",
  "Date",
  "User-Agent",
  "X-Forwarded-For",
  "Content-Type",
  "X-Content-Length",
  "Content_Type",
  "content_length",
  "X_Forwarded_For",
  "TE",
  "Keep-Alive",
  "Proxy-Connection",
  "Trailer",
  "Upgrade",
  "Set-Cookie",
  "Forwarded",
  "Priority",
];

function range(from: number, to: number): string {
  let chars = "";
  for (let code = from; code <= to; code++) chars += String.fromCharCode(code);
  return chars;
}

/** Whether something of this chance (in 100) happens. */
export function chance(random: Random, percent: number): boolean {
  return random.below(100) < percent;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/** So many characters out of these. */
export function some(random: Random, chars: string, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += chars[random.below(chars.length)];
  return text;
}

export function token(random: Random): string {
  return some(random, TCHAR, 1 + random.below(12));
}

export function method(random: Random): string {
  if (chance(random, 40)) return "GET";
  return chance(random, 95) ? pick(random, METHODS) : token(random).replace(/^CONNECT$/, "X");
}

export function host(random: Random): string {
  const name = pick(random, [
    "a.example",
    "b.example",
    "A.Example",
    "127.0.0.1",
    "[::1]",
    "x_y.example",
    "a%2Db",
  ]);
  return chance(random, 70) ? name : `${name}:${pick(random, ["80", "8080", "443", "0", "65535"])}`;
}

/** Path and query. */
export function path(random: Random): string {
  let text = "";
  do {
    text += `/${chance(random, 90) ? some(random, PCHAR, random.below(8)) : ""}`;
    if (chance(random, 10)) text += `%${some(random, "0123456789ABCDEFabcdef", 2)}`;
    if (chance(random, 5)) text += some(random, ODD, 1);
  } while (chance(random, 40));
  if (chance(random, 30)) text += `?${some(random, `${PCHAR}/?`, random.below(12))}`;
  return text;
}

export function fieldName(random: Random): string {
  const name = chance(random, 60) ? pick(random, NAMES) : `X-${token(random)}`;
  return chance(random, 20) ? name.toUpperCase() : name;
}

export function fieldValue(random: Random): string {
  if (chance(random, 10)) return "";
  let text = some(random, chance(random, 80) ? ALNUM : VCHAR, 1 + random.below(chance(random, 2) ? 400 : 16));
  while (chance(random, 20)) text += pick(random, [" ", "\t", ", ", ";q=", "  "]) + some(random, VCHAR, 3);
  return text;
}

/** Optional white space. */
export function ows(random: Random, usual: string): string {
  return chance(random, 85) ? usual : pick(random, ["", " ", "  ", "\t", " \t "]);
}

export function content(random: Random): string {
  if (chance(random, 10)) return "";
  const size = chance(random, 98) ? 1 + random.below(20) : 300 + random.below(3_000);
  // Bodies that look like the next message show at once when a length is read in another way.
  if (chance(random, 10)) return "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n";
  return some(random, chance(random, 50) ? ALNUM : range(0, 255), size);
}

/** A size in hexadecimal, as it may be written. */
export function chunkSize(random: Random, size: number): string {
  const hex = size.toString(16);
  const spelt = chance(random, 30) ? hex.toUpperCase() : hex;
  return chance(random, 90) ? spelt : spelt.padStart(1 + random.below(12), "0");
}

export function chunkExtension(random: Random): string {
  if (!chance(random, 12)) return "";
  let text = "";
  do {
    text += `;${token(random)}`;
    if (chance(random, 60))
      text += `=${chance(random, 60) ? token(random) : `"${pick(random, ["", "a b", '\\"', "x;y=z", "\t", "\\\\"])}"`}`;
  } while (chance(random, 30));
  // Bad white space, which a recipient has to take (RFC 9112 §7.1.1).
  return chance(random, 10) ? text.replace(/[;=]/, " $& ") : text;
}
