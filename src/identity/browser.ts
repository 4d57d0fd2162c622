import { locationText } from "../lib/location.ts";
import type { ReceivedRequest } from "../lib/request.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { hostOf, schemeOf } from "../pipeline/scheme.ts";

/** Where a browser sees this gateway. */
export interface Site {
  /** Scheme, host and, where it is not the usual one, port. */
  readonly origin: string;
  readonly secure: boolean;
}

const LOOPBACK = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** Whether plain http to a host does not leave the machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.toLowerCase());
}

/** Where the browser of a request sees this gateway; undefined where that is neither https nor this machine. */
export function siteOf(x: Exchange): Site | undefined {
  const scheme = schemeOf(x);
  const { authority } = x.request;
  if (authority === "") return undefined;
  if (scheme === "http" && !isLoopback(hostOf(authority))) return undefined;
  return { origin: `${scheme}://${authority}`, secure: scheme === "https" };
}

/**
 * Whether a person waits for a page: who must log in is sent elsewhere only then, since scripts and API clients cannot follow.
 * By Fetch Metadata where the browser has it, else by `Accept`.
 */
export function isNavigation({ fields, upgrade }: ReceivedRequest): boolean {
  if (upgrade !== undefined || !/\btext\/html\b/i.test(fields.get("accept") ?? "")) return false;
  if (fields.has("x-requested-with") || fields.has("sec-purpose")) return false;
  const mode = fields.get("sec-fetch-mode");
  const destination = fields.get("sec-fetch-dest");
  return (
    (mode === undefined || mode === "navigate") &&
    (destination === undefined || destination === "document" || destination.endsWith("frame"))
  );
}

/** Whether a browser says that another site made it ask. */
export function isCrossSite({ fields }: ReceivedRequest): boolean {
  return fields.get("sec-fetch-site") === "cross-site";
}

/** Characters of a page's path and query that are remembered. */
const LONGEST = 2_000;

/** A path and query as they may stand behind an origin; undefined for what a browser could read as another place. */
export function safeTarget(target: string): string | undefined {
  if (!/^\/(?![/\\])/.test(target) || target.includes("\\")) return undefined;
  const text = locationText(target);
  return text.length <= LONGEST ? text : undefined;
}
