import type { FieldLine } from "./reading.ts";

/** What the gateway changes on purpose while it reads, written down a second time, apart from its source. */

const KNOWN =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|host|expect|forwarded|x-forwarded-(?:for|proto|host|port)|x-real-ip|via|x-request-id|http2-settings|date|authorization|www-authenticate|proxy-authenticate|proxy-authorization|set-cookie|cookie)$/;

/** Routing, caching, conditions and content negotiation mean nothing behind a body (RFC 9110 §6.5.1). */
const NOT_IN_TRAILERS =
  /^(?:age|cache-control|content-encoding|content-range|content-type|expires|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|location|max-forwards|pragma|range|retry-after|vary|warning)$/;

/** A field that would pass for another one once `_` becomes `-` is left out. */
function isLookalike(name: string): boolean {
  return name.includes("_") && KNOWN.test(name.replaceAll("_", "-"));
}

/** The fields of a head that are kept, one a line. */
export function keptFields(fields: readonly FieldLine[]): string {
  return asLines(fields.filter(([name]) => !isLookalike(name)));
}

/** The trailers that are kept, one a line. */
export function keptTrailers(fields: readonly FieldLine[]): string {
  return asLines(
    fields.filter(([name]) => !isLookalike(name) && !KNOWN.test(name) && !NOT_IN_TRAILERS.test(name)),
  );
}

/** One field a line. */
export function asLines(fields: readonly FieldLine[]): string {
  let text = "";
  for (const [name, value] of fields) text += `${name}: ${value}\n`;
  return text;
}

/** An absolute target is taken apart, and what no URI may hold goes on percent-encoded. */
export function targetAsRead(target: string, host: string): { authority: string; target: string } {
  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(target);
  const [authority = host, rest = target] = absolute?.slice(1) ?? [];
  const origin = absolute === null || rest.startsWith("/") ? rest : `/${rest}`;
  return { authority, target: origin.replace(/["<>[\\\]^`{|}]/g, percent) };
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
