import { isIPv6 } from "node:net";

/** `uri-host [":" port]` (RFC 9110 §7.2): a name, an IPv4 address or an IP literal. */
const HOST =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+;=:]+\])(?::([0-9]*))?$/;

/** Whether a value may stand in Host. */
export function isHost(value: string): boolean {
  const found = value.length > 255 ? null : HOST.exec(value);
  if (found === null) return false;
  const [, literal, port] = found;
  if ((literal !== undefined && !isIPv6(literal)) || (port !== undefined && Number(port) > 65_535))
    return false;
  return true;
}

/** An authority to compare: lower case, without the scheme's own port. */
export function authorityOf(host: string, scheme: string): string {
  const lower = host.toLowerCase();
  const own = scheme === "https" ? ":443" : ":80";
  if (lower.endsWith(own)) return lower.slice(0, -own.length);
  return lower.endsWith(":") ? lower.slice(0, -1) : lower;
}

export interface AbsoluteTarget {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/**
 * Takes an absolute-form target apart (RFC 9112 §3.2.2); undefined when it is not one, names a user or no host, or another
 * scheme than the connection's.
 */
export function parseAbsolute(target: string, ownScheme: string): AbsoluteTarget | undefined {
  const found = /^(https?):\/\/([^/?]+)(\/[^?]*)?(\?.*)?$/i.exec(target);
  if (found === null) return undefined;
  const [, scheme = "", authority = "", path = "/", query = ""] = found;
  if (authority.includes("@") || !isHost(authority)) return undefined;
  if (scheme.toLowerCase() !== ownScheme) return undefined;
  return { scheme: ownScheme, authority, path, query };
}
