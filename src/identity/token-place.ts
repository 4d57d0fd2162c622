import { z } from "zod";
import { kindOf } from "../lib/field-kinds.ts";
import { Fields } from "../lib/fields.ts";
import type { ReceivedRequest } from "../lib/request.ts";
import type { Exchange } from "../pipeline/exchange.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const named = z.string().regex(TOKEN, "not a name");

/** Where tokens come from, as written. */
export const tokenPlaces: z.ZodType<TokenPlaceConfig[]> = z
  .array(
    z.union([
      z.strictObject({
        header: named.describe("Name of a field."),
        scheme: named
          .optional()
          .describe("Word before the token; of authorization Bearer by default, of other fields none."),
      }),
      z.strictObject({ cookie: named.describe("Name of a cookie.") }),
      z.strictObject({ query: z.string().min(1).describe("Name of a parameter of the query.") }),
    ]),
  )
  .min(1);

export type TokenPlaceConfig =
  | { readonly header: string; readonly scheme?: string | undefined }
  | { readonly cookie: string }
  | { readonly query: string };

/** Where tokens come from when nothing is written (RFC 6750 §2.1). */
export const BEARER: readonly TokenPlaceConfig[] = [{ header: "authorization" }];

/** One place that tokens come from. */
export interface TokenPlace {
  /** The token that stands there; undefined where none does. One that stands there twice is two with a blank between: no token. */
  read(x: Exchange): string | undefined;
  /** Takes it out of what the service will be sent. */
  hide(x: Exchange): void;
}

/** Compiles places, in the order in which they are looked at. */
export function compilePlaces(places: readonly TokenPlaceConfig[]): TokenPlace[] {
  return places.map((place) => {
    if ("cookie" in place) return cookiePlace(place.cookie);
    if ("query" in place) return queryPlace(place.query);
    const header = place.header.toLowerCase();
    const scheme = place.scheme ?? (header === "authorization" ? "Bearer" : undefined);
    return headerPlace(header, scheme);
  });
}

/** The first of the places where a token stands. */
export function placeOfToken(places: readonly TokenPlace[], x: Exchange): [string, TokenPlace] | undefined {
  for (const place of places) {
    const token = place.read(x);
    if (token !== undefined) return [token, place];
  }
  return undefined;
}

/** Takes the tokens of all places out of what the service will be sent, as far as there are any. */
export function hideTokens(places: readonly TokenPlace[], x: Exchange): void {
  for (const place of places) if (place.read(x) !== undefined) place.hide(x);
}

function headerPlace(header: string, scheme: string | undefined): TokenPlace {
  const hide = (x: Exchange): void => x.outgoing.fields.remove(header);
  const readField = fieldReader(header);
  if (scheme === undefined) return { read: ({ request }) => readField(request), hide };
  const usual = `${scheme} `;
  const lower = usual.toLowerCase();
  const bare = scheme.toLowerCase();
  /** The word alone, or with a tab behind it, which some services read as a blank. */
  const isOf = (value: string): boolean =>
    value.slice(0, bare.length).toLowerCase() === bare && /^(?:$|[\t ])/.test(value.slice(bare.length));
  const read = ({ request }: Exchange): string | undefined => {
    const value = readField(request);
    if (value === undefined) return undefined;
    if (value.startsWith(usual) || value.slice(0, usual.length).toLowerCase() === lower)
      return value.charCodeAt(usual.length) === 0x20
        ? value.slice(usual.length).trimStart()
        : value.slice(usual.length);
    if (isOf(value)) return value.slice(scheme.length);
    // A service may take the last of several: one of them is refused with the others.
    return request.fields.all(header).some(isOf) ? value : undefined;
  };
  return { read, hide };
}

/** A field that stands once, as all that matter do, is read without a list. */
function fieldReader(header: string): (request: ReceivedRequest) => string | undefined {
  const kind = kindOf(header);
  if (kind === 0) return (request) => request.field(header);
  return (request) => {
    const { fields } = request;
    return (fields instanceof Fields ? fields.only(kind) : undefined) ?? request.field(header);
  };
}

function cookiePlace(name: string): TokenPlace {
  const isIt = (pair: string): boolean => pair.split("=", 1)[0]!.trim() === name;
  const textIn = (pair: string): string => pair.slice(pair.indexOf("=") + 1).trim();
  return {
    read: ({ request }) => {
      const found = request.fields
        .all("cookie")
        .flatMap((value) => value.split(";"))
        .filter(isIt);
      return found.length === 0 ? undefined : found.map(textIn).join(" ");
    },
    hide: ({ outgoing: { fields } }) => {
      const left = fields.all("cookie").flatMap((value) => value.split(";").filter((pair) => !isIt(pair)));
      fields.remove("cookie");
      const text = left.map((pair) => pair.trim()).join("; ");
      if (text !== "") fields.put("cookie", text);
    },
  };
}

function queryPlace(name: string): TokenPlace {
  const isIt = (pair: string): boolean => {
    const written = pair.split("=", 1)[0]!;
    return written === name || new URLSearchParams(written).has(name);
  };
  return {
    read: ({ request }) => {
      if (!request.query.includes("=")) return undefined;
      const found = new URLSearchParams(request.query).getAll(name);
      return found.length === 0 ? undefined : found.join(" ");
    },
    hide: ({ outgoing }) => {
      const left = outgoing.query
        .slice(1)
        .split("&")
        .filter((pair) => !isIt(pair))
        .join("&");
      outgoing.query = left === "" ? "" : `?${left}`;
    },
  };
}

/** What `WWW-Authenticate` says of a token that is wrong (RFC 6750 §3). */
export function bearerError(error: "invalid_token" | "insufficient_scope", detail: string): string {
  return `Bearer error="${error}", error_description="${detail.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'")}"`;
}
