import { isUtf8 } from "node:buffer";

/** How a path is made plain. */
export interface PathRules {
  /** Several slashes in a row: become one, stay, or are refused. */
  readonly slashes: "merge" | "keep" | "refuse";
  /** %2F and %5C: stay, become a slash, or are refused. */
  readonly encodedSlash: "keep" | "decode" | "refuse";
}

/** What may have to change: an octet that is encoded, a backslash, an empty segment, a dot segment. */
const UNUSUAL = /[%\\]|\/(?:\/|\.\.?(?:\/|$))/;

/** Neighbouring encoded octets, or a percent sign that begins none. */
const ENCODED = /(?:%[0-9A-Fa-f]{2})+|%/g;

/** 1 for an octet that means the same encoded and plain (RFC 3986 §2.3). */
const UNRESERVED = new Uint8Array(128);
for (const char of "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  UNRESERVED[char.charCodeAt(0)] = 1;

/**
 * The one spelling of a path (RFC 3986 §6.2.2), so that what is matched is what the service gets: no encoding that is not
 * needed, no dot segments. Undefined for what is refused: a path that climbs above its root, octets that are no UTF-8, a
 * NUL, a percent sign without two digits, and what the rules refuse. A path that is plain comes back as it is.
 */
export function normalizePath(path: string, rules: PathRules): string | undefined {
  if (path.charCodeAt(0) !== 0x2f) return path === "*" ? path : undefined;
  return UNUSUAL.test(path) ? rewritten(path, rules) : path;
}

function rewritten(path: string, { slashes, encodedSlash }: PathRules): string | undefined {
  let whole = true;
  const decoded = path.replaceAll("\\", "%5C").replace(ENCODED, (octets) => {
    const text = decodedOctets(octets, encodedSlash);
    whole &&= text !== undefined;
    return text ?? "";
  });
  return whole ? withoutDots(decoded, slashes) : undefined;
}

function decodedOctets(encoded: string, encodedSlash: PathRules["encodedSlash"]): string | undefined {
  const octets = Buffer.from(encoded.replaceAll("%", ""), "hex");
  if (octets.length === 0 || octets.includes(0) || !isUtf8(octets)) return undefined;
  let text = "";
  for (const octet of octets) {
    if (UNRESERVED[octet] === 1) text += String.fromCharCode(octet);
    else if ((octet === 0x2f || octet === 0x5c) && encodedSlash !== "keep") {
      if (encodedSlash === "refuse") return undefined;
      text += "/";
    } else text += `%${octet < 16 ? "0" : ""}${octet.toString(16).toUpperCase()}`;
  }
  return text;
}

function withoutDots(path: string, slashes: PathRules["slashes"]): string | undefined {
  const kept: string[] = [];
  const segments = path.slice(1).split("/");
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    const last = i === segments.length - 1;
    if (segment === "" && !last) {
      if (slashes === "refuse") return undefined;
      if (slashes === "keep") kept.push("");
    } else if (segment === "." || segment === "..") {
      if (segment === ".." && kept.pop() === undefined) return undefined;
      if (last) kept.push("");
    } else if (climbsWithin(segment)) return undefined;
    else kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

/** Whether a service that takes an encoded slash for a slash would find `..` in the segment: it could leave its route. */
function climbsWithin(segment: string): boolean {
  return segment.includes("..") && segment.split(/%2F|%5C/).includes("..");
}
