import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigProblem } from "../config/problem.ts";
import type { Link, UserFile, UserGraph } from "./user-graph.ts";
import { placeIn } from "./user-imports.ts";

/** Where in a user's file something went wrong. */
interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** A versioned URL with a line, as engine and Node write them: bare above an excerpt, with a column in a stack. */
const AT = /(file:\/\/[^\s()]*?)[?&]v=[0-9a-f]{16}(?:\.\d+)?:(\d+)(?::(\d+))?/;

/** A path as a problem shows it: as seen from the working directory where it lies below it. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short.startsWith("..") ? path : short;
}

/** Turns what the import of a user's file threw into a problem at the user's own line. */
export function problemOf(thrown: unknown, root: string, graph: UserGraph): ConfigProblem {
  const { reason, cure } = explain(thrown);
  const place = missing(thrown, graph) ?? excerpted(thrown) ?? framed(thrown);
  return {
    file: shownPath(place?.path ?? root),
    line: place?.line,
    column: place?.column,
    path: "",
    reason,
    cure,
  };
}

/** Where in a user's code an error comes from: ` (policies/tenant.ts:12)`; empty when it is not theirs. */
export function thrownAt(thrown: unknown): string {
  const place = framed(thrown);
  return place === undefined ? "" : ` (${shownPath(place.path)}:${place.line})`;
}

function explain(thrown: unknown): { reason: string; cure: string | undefined } {
  if (!(thrown instanceof Error)) return { reason: `threw ${JSON.stringify(thrown)}`, cure: undefined };
  const code = (thrown as NodeJS.ErrnoException).code;
  const message = thrown.message.replaceAll(/[?&]v=[0-9a-f]{16}(?:\.\d+)?/g, "");
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return {
      reason: message,
      cure: "types are stripped, not compiled: write it in plain JavaScript, a const object for an enum",
    };
  const name = packageOf(thrown);
  if (name !== undefined)
    return {
      reason: `there is no package ${JSON.stringify(name)}`,
      cure:
        name === "zod" ? 'import { z } from "torana"' : `install it beside the policy: npm install ${name}`,
    };
  if (code === "ERR_MODULE_NOT_FOUND")
    return { reason: message.replace(/ imported from .*$/s, ""), cure: "correct the import's path" };
  return { reason: message, cure: undefined };
}

function packageOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  return /^Cannot find package '([^']+)'/.exec(thrown.message)?.[1];
}

/** The import that leads nowhere. */
function missing(thrown: unknown, graph: UserGraph): Place | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, url, message } = thrown as NodeJS.ErrnoException & { url?: string };
  if (code === "ERR_UNKNOWN_BUILTIN_MODULE")
    return importing(graph, ({ specifier }) => message.endsWith(` ${specifier}`));
  if (code !== "ERR_MODULE_NOT_FOUND") return undefined;
  const name = packageOf(thrown);
  return importing(graph, ({ specifier }, parent) =>
    name === undefined
      ? URL.parse(specifier, parent)?.href === url
      : specifier === name || specifier.startsWith(`${name}/`),
  );
}

/** The first import in a user's files that is meant. */
export function importing(
  graph: UserGraph,
  meant: (link: Link, parent: string) => boolean,
): Place | undefined {
  for (const file of graph.values())
    for (const link of file.links) if (meant(link, file.url)) return placeOf(file, link.index);
  return undefined;
}

function placeOf({ path, text = "" }: UserFile, index: number): Place {
  return { path, ...placeIn(text, index) };
}

/** A syntax error's stack begins with file and line, the text of the line, and a mark below the column. */
function excerpted(thrown: unknown): Place | undefined {
  if (!(thrown instanceof SyntaxError)) return undefined;
  const [first = "", ...excerpt] = (thrown.stack ?? "").split("\n");
  const marks = excerpt.find((line) => /^ *\^+ *$/.test(line)) ?? "";
  const found = AT.exec(first);
  if (found === null) return undefined;
  return {
    path: fileURLToPath(found[1]!),
    line: Number(found[2]),
    column: Math.max(1, marks.indexOf("^") + 1),
  };
}

/** The innermost frame in a user's file. */
function framed(thrown: unknown): Place | undefined {
  if (!(thrown instanceof Error)) return undefined;
  for (const line of (thrown.stack ?? "").split("\n")) {
    const found = /^ +at /.test(line) ? AT.exec(line) : null;
    if (found !== null)
      return { path: fileURLToPath(found[1]!), line: Number(found[2]), column: Number(found[3] ?? 1) };
  }
  return undefined;
}
