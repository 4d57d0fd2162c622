import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { Findings } from "./findings.ts";
import type { Origin } from "./problem.ts";
import { MAX_DEPTH } from "./yaml.ts";

/** Bytes of a file that stands in for a value. */
const MAX_FILE = 1_048_576;

/** What substitution finds and leaves behind. */
export interface Substitution {
  readonly file: string;
  /** Values that may stand in the data at most: references to one another can multiply them. */
  readonly maxValues: number;
  /** Folder that files must lie in; undefined for any. */
  readonly within: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly findings: Findings;
  readonly places: Origin[];
  readonly texts: Set<string>;
  /** Files that were read. */
  readonly files: Set<string>;
}

/**
 * Puts `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` in place, and checks that the data is plain: maps, lists,
 * text, numbers, true, false, null. What holds none of it is given back as it is; undefined where it is too much to be read
 at all.
 */
export function substitute(value: unknown, work: Substitution): unknown {
  const walk = new Walk(work);
  const put = walk.visit(value, []);
  return walk.stopped ? undefined : put;
}

class Walk {
  readonly #work: Substitution;
  #values = 0;
  stopped = false;

  constructor(work: Substitution) {
    this.#work = work;
  }

  visit(value: unknown, path: PropertyKey[]): unknown {
    if (typeof value === "string") return value.includes("${") ? this.#text(value, path) : value;
    if (this.stopped) return value;
    if (++this.#values > this.#work.maxValues)
      return this.#stop(
        [],
        "its aliases multiply it beyond measure",
        "write less behind each &name, or use it less often",
      );
    if (typeof value !== "object" || value === null) return isOdd(value) ? this.#odd(value, path) : value;
    if (path.length > MAX_DEPTH)
      return this.#stop(
        path,
        "is nested too deeply",
        `write at most ${MAX_DEPTH} maps and lists within one another; an alias may not hold itself`,
      );
    if (Array.isArray(value)) return this.#list(value, path);
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null
      ? this.#map(value, path)
      : this.#odd(value, path);
  }

  #list(list: readonly unknown[], path: PropertyKey[]): readonly unknown[] {
    let changed: unknown[] | undefined;
    for (let i = 0; i < list.length; i++) {
      const before = list[i];
      path.push(i);
      const after = this.visit(before, path);
      path.pop();
      if (after !== before) {
        changed ??= [...list];
        changed[i] = after;
      }
    }
    return changed ?? list;
  }

  #map(map: object, path: PropertyKey[]): object {
    let changed: Record<string, unknown> | undefined;
    for (const key of Object.keys(map)) {
      const before = (map as Record<string, unknown>)[key];
      path.push(key);
      const after =
        key === "__proto__"
          ? this.#problem(path, "cannot be a name here", "choose another name")
          : this.visit(before, path);
      path.pop();
      if (after !== before) {
        changed ??= { ...map } as Record<string, unknown>;
        changed[key] = after;
      }
    }
    return changed ?? map;
  }

  #odd(value: unknown, path: PropertyKey[]): undefined {
    const kind = typeof value === "object" ? (value?.constructor?.name ?? "object") : typeof value;
    return this.#problem(
      path,
      `is ${typeof value === "number" ? value : `a ${kind}`}, not plain data`,
      "write maps, lists, text, numbers, true, false or null",
    );
  }

  #text(text: string, path: PropertyKey[]): string {
    let found = false;
    const after = text.replace(
      /\$\$\{(?=(?:env|file):)|\$\{(env|file):([^}]*)\}/g,
      (all, kind?: string, what = "") => {
        if (kind === undefined) return "${";
        const put = kind === "env" ? this.#variable(what as string, path) : this.#file(what as string, path);
        if (put === undefined) return all;
        if (put.secret) {
          found = true;
          if (put.text !== "") this.#work.texts.add(put.text);
        }
        return put.text;
      },
    );
    if (!found) return after;
    this.#work.places.push({ file: this.#work.file, path: [...path] });
    if (after !== "") this.#work.texts.add(after);
    return after;
  }

  #variable(what: string, path: PropertyKey[]): { text: string; secret: boolean } | undefined {
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(what) ?? [];
    if (name === undefined)
      return this.#problem(
        path,
        "does not name a variable",
        "write ${env:NAME} or ${env:NAME:-default}; $${ for the signs themselves",
      );
    const value = this.#work.env[name];
    if (value !== undefined && (value !== "" || fallback === undefined)) return { text: value, secret: true };
    if (fallback !== undefined) return { text: fallback, secret: false };
    return this.#problem(
      path,
      `the environment has no ${name}`,
      `set it, or write a default: \${env:${name}:-default}`,
    );
  }

  #file(what: string, path: PropertyKey[]): { text: string; secret: boolean } | undefined {
    const file = resolve(dirname(this.#work.file), what);
    const refuse = (reason: string, cure: string): undefined =>
      this.#problem(path, `the file ${what} ${reason}`, cure);
    if (what === "")
      return this.#problem(path, "does not name a file", "write ${file:path}; $${ for the signs themselves");
    try {
      this.#work.files.add(file);
      const real = realpathSync(file);
      if (this.#work.within !== undefined && isOutside(this.#work.within, real))
        return refuse(
          "lies outside the folder of the main config",
          "an included file reads only what lies below that folder",
        );
      const stat = statSync(real);
      if (!stat.isFile()) return refuse("is not a plain file", "name a file with the value in it");
      if (stat.size > MAX_FILE)
        return refuse("is larger than 1 MiB", "name a file that holds only the value");
      const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(real));
      return { text: text.replace(/\r?\n$/, ""), secret: true };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ERR_ENCODING_INVALID_ENCODED_DATA")
        return refuse("is not UTF-8", "write it as UTF-8 text");
      return refuse(
        `cannot be read (${code ?? "?"})`,
        "make it, and let this user read it; its path begins at the config file",
      );
    }
  }

  #stop(path: PropertyKey[], reason: string, cure: string): undefined {
    this.stopped = true;
    return this.#problem(path, reason, cure);
  }

  #problem(path: PropertyKey[], reason: string, cure: string): undefined {
    this.#work.findings.add({ file: this.#work.file, path: [...path] }, reason, cure);
    return undefined;
  }
}

/** What JSON has no words for. */
function isOdd(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  return typeof value === "function" || typeof value === "symbol" || typeof value === "bigint";
}

/** Whether a path leads out of a folder; both are real paths. */
export function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === ".." || way.startsWith("../") || isAbsolute(way);
}
