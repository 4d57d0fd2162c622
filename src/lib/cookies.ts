import type { Fields, ReadonlyFields } from "./fields.ts";

/** Value of the first cookie of that name, as it was sent (RFC 6265 §5.4); undefined where there is none. */
export function cookie(fields: ReadonlyFields, name: string): string | undefined {
  for (const line of fields.all("cookie")) {
    let from = 0;
    while (from < line.length) {
      let end = line.indexOf(";", from);
      if (end === -1) end = line.length;
      while (line.charCodeAt(from) === 0x20 || line.charCodeAt(from) === 0x09) from++;
      if (line.startsWith(name, from) && line.charCodeAt(from + name.length) === 0x3d)
        return line.slice(from + name.length + 1, end).trimEnd();
      from = end + 1;
    }
  }
  return undefined;
}

/** Names and values of all cookies, in the order in which they were sent. */
export function cookies(fields: ReadonlyFields): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (const line of fields.all("cookie"))
    for (const pair of line.split(";")) {
      const at = pair.indexOf("=");
      if (at !== -1) found.push([pair.slice(0, at).trim(), pair.slice(at + 1).trim()]);
    }
  return found;
}

/** Takes away the cookies whose names are chosen; the others stay as they were sent. */
export function removeCookies(fields: Fields, chosen: (name: string) => boolean): void {
  const lines = fields.all("cookie");
  const kept: string[] = [];
  let removed = false;
  for (const line of lines)
    for (const pair of line.split(";")) {
      const text = pair.trim();
      const at = text.indexOf("=");
      if (at !== -1 && chosen(text.slice(0, at).trimEnd())) removed = true;
      else if (text !== "") kept.push(text);
    }
  if (!removed) return;
  fields.remove("cookie");
  if (kept.length > 0) fields.put("cookie", kept.join("; "));
}

/** What a cookie is set with. */
export interface CookieOptions {
  /** Sent back over https only; its name may begin with `__Host-` only then. */
  readonly secure: boolean;
  /** Whole seconds that the browser keeps it; 0 takes it away; left out: until the browser ends. */
  readonly maxAge?: number;
  /** Scripts of the page may read it (default false). */
  readonly scripts?: boolean;
  /** Default: Lax. */
  readonly sameSite?: "Lax" | "Strict";
}

/** The value of a Set-Cookie for the whole host (RFC 6265 §4.1.1); name and value must be tokens. */
export function setCookie(name: string, value: string, options: CookieOptions): string {
  const { secure, maxAge, scripts = false, sameSite = "Lax" } = options;
  const age = maxAge === undefined ? "" : `; Max-Age=${Math.floor(maxAge)}`;
  return `${name}=${value}; Path=/${age}; SameSite=${sameSite}${secure ? "; Secure" : ""}${scripts ? "" : "; HttpOnly"}`;
}
