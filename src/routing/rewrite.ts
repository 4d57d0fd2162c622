import type { RewriteConfig } from "../config/route-schema.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { plainPath } from "./path-pattern.ts";

/** What makes a path out of the one before. */
type PathRewrite = (x: Exchange, path: string) => string;

/**
 * Makes the step that changes path and host to what the service expects. Whatever parameters and replacements hold, what
 * results is a path and stays where the config put it: the rest is percent-encoded, and dot segments are refused.
 */
export function compileRewrite(rewrite: RewriteConfig): (x: Exchange) => Reply | undefined {
  const path = pathRewrite(rewrite);
  const { host } = rewrite;
  return (x) => {
    const { outgoing } = x;
    // "*" asks about the service as a whole: there is no path to change (RFC 9110 §9.3.7).
    if (path !== undefined && outgoing.path !== "*") {
      const after = path(x, outgoing.path);
      if (DOT_SEGMENT.test(after)) return x.reject("path_invalid");
      outgoing.path = after;
    }
    if (host === "endpoint") outgoing.authority = "";
    else if (host !== "preserve") outgoing.authority = host;
    return undefined;
  };
}

/**
 * Segments that climb: also those with parameters behind a semicolon, which some services cut off first, and those
 * between encoded slashes, which some services decode first.
 */
const DOT_SEGMENT = /\/\.{1,2}(?:;[^/]*)?(?:\/|$)|(?:\/|%2F|%5C)\.\.(?:\/|%2F|%5C|$)/;

function pathRewrite({ prefix, path, regex }: RewriteConfig): PathRewrite | undefined {
  if (prefix !== undefined) return replacePrefix(plainPath(prefix));
  if (path !== undefined) return fillIn(path);
  if (regex !== undefined) return replaceFound(new RegExp(regex.match, "u"), regex.to);
  return undefined;
}

function replacePrefix(prefix: string): PathRewrite {
  const base = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  return (x, before) => {
    const rest = before.slice(x.pattern?.prefixLength(before) ?? 0);
    return rest === "" ? prefix : base + (rest.startsWith("/") ? rest : `/${rest}`);
  };
}

function fillIn(written: string): PathRewrite {
  // Text and names take turns: /v2/{id}/x is "/v2/", "id", "/x".
  const parts = written.split(/\{([A-Za-z_][A-Za-z0-9_]*)\}/);
  const texts = parts.map((part, i) => (i % 2 === 0 ? plainPath(part) : part));
  return (x) => {
    const { params } = x;
    return texts.map((part, i) => (i % 2 === 0 ? part : encodeValue(params[part] ?? ""))).join("");
  };
}

function replaceFound(expression: RegExp, to: string): PathRewrite {
  return (_x, before) => `/${plainPath(before.replace(expression, to)).replace(/^\/+/, "")}`;
}

/** A value as a piece of one segment; what a segment may hold stays readable, but for ";". */
function encodeValue(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(/%(?:24|26|2B|2C|3A|3D|40)/g, decodeURIComponent);
}
