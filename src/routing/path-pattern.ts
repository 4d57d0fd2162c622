import type { PathCondition } from "../config/values.ts";
import type { PathPattern } from "../pipeline/route.ts";

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** What a condition asks of a path. */
export interface CompiledPath extends PathPattern {
  /** Undefined for an expression. Literal segments as they arrive; a parameter is `undefined`. */
  readonly segments: readonly (string | undefined)[] | undefined;
  /** It takes all below its segments as well. */
  readonly open: boolean;
  /** Undefined unless it is an expression; it takes a whole path. */
  readonly expression: RegExp | undefined;
}

/** Compiles a path condition: `/exact`, `/with/{parameter}`, `/prefix/*` or an expression. */
export function compilePath(written: PathCondition): CompiledPath {
  return typeof written === "string" ? new SegmentPath(written) : new ExpressionPath(written.regex);
}

/** Whether a condition takes a path, as the table of routes would decide. */
export function matchesPath({ segments, open, expression }: CompiledPath, path: string): boolean {
  if (!path.startsWith("/")) return open && segments?.length === 0;
  if (segments === undefined) return expression?.test(path) === true;
  const parts = path.slice(1).split("/");
  if (open ? parts.length < segments.length : parts.length !== segments.length) return false;
  return segments.every((segment, i) => (segment === undefined ? parts[i] !== "" : parts[i] === segment));
}

class SegmentPath implements CompiledPath {
  readonly text: string;
  readonly segments: readonly (string | undefined)[];
  readonly open: boolean;
  readonly expression: undefined = undefined;
  readonly #names: readonly (string | undefined)[] | undefined;

  constructor(text: string) {
    const segments = text.slice(1).split("/");
    this.text = text;
    this.open = segments.at(-1) === "*";
    if (this.open) segments.pop();
    const names = segments.map((segment) => (segment.startsWith("{") ? segment.slice(1, -1) : undefined));
    this.segments = segments.map((segment, i) => (names[i] === undefined ? plainPath(segment) : undefined));
    this.#names = names.some((name) => name !== undefined) ? names : undefined;
  }

  params(path: string): Readonly<Record<string, string>> {
    if (this.#names === undefined) return NO_PARAMS;
    const parts = path.split("/");
    return Object.fromEntries(
      this.#names.flatMap((name, i) => (name === undefined ? [] : [[name, decoded(parts[i + 1] ?? "")]])),
    );
  }

  prefixLength(path: string): number {
    if (!this.open) return path.length;
    let end = 0;
    for (let i = 0; i < this.segments.length; i++) {
      const slash = path.indexOf("/", end + 1);
      if (slash === -1) return path.length;
      end = slash;
    }
    return end;
  }
}

class ExpressionPath implements CompiledPath {
  readonly text: string;
  readonly segments: undefined = undefined;
  readonly open = false;
  readonly expression: RegExp;

  constructor(text: string) {
    this.text = text;
    this.expression = wholeMatch(text);
  }

  /** Groups by their names and by their numbers, from "1". */
  params(path: string): Readonly<Record<string, string>> {
    const found = this.expression.exec(path);
    if (found === null || (found.length === 1 && found.groups === undefined)) return NO_PARAMS;
    const groups = [...Object.entries(found.slice(1)).map(([i, value]) => [String(Number(i) + 1), value])];
    return Object.fromEntries(
      [...groups, ...Object.entries(found.groups ?? {})].map(([name, value]) => [name, decoded(value ?? "")]),
    );
  }

  prefixLength(path: string): number {
    return path.length;
  }
}

/** An expression that the whole of a value must match. */
export function wholeMatch(text: string): RegExp {
  return new RegExp(`^(?:${text})$`, "u");
}

/** A percent-encoded value in plain; what decodes to no text stays as it is. */
export function decoded(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** A written path as it arrives in requests: what no path may hold is percent-encoded, what need not be is not. */
export function plainPath(text: string): string {
  return text
    .toWellFormed()
    .replace(/%[0-9A-Fa-f]{2}/g, (octet) => {
      const char = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
      return /[A-Za-z0-9\-._~]/.test(char) ? char : octet.toUpperCase();
    })
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]|%(?![0-9A-Fa-f]{2})/gu, encodeURIComponent);
}
