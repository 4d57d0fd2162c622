import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Import, importsIn } from "./user-imports.ts";

/** The folder of the running instance: what lies below it is never loaded a second time. */
const INSTANCE = new URL("../", import.meta.url).href;

/** Kinds of files that are loaded anew when they change. */
const KINDS: ReadonlySet<string> = new Set([".ts", ".mts", ".js", ".mjs", ".json", ".cjs", ".cts"]);

/** An import, and the file that it leads to. */
export interface Link extends Import {
  /** Undefined for what is not a user's file: packages, Node's own, what cannot be found. */
  readonly url: string | undefined;
}

/** One file of a user's code, as it was read. */
export interface UserFile {
  readonly url: string;
  readonly path: string;
  /** Undefined when it cannot be read. */
  readonly text: string | undefined;
  readonly links: readonly Link[];
}

/** Finds what a specifier in a module means; undefined when nothing does. */
export type ResolveImport = (specifier: string, parent: string) => string | undefined;

/** Whether a URL is a file of a user's own: no package's, and none of the running instance. */
export function isUserFile(url: string): boolean {
  return (
    url.startsWith("file:") &&
    !url.startsWith(INSTANCE) &&
    !url.includes("/node_modules/") &&
    KINDS.has(extname(new URL(url).pathname))
  );
}

/** A user's file and all files of theirs that it imports, by URL. */
export type UserGraph = ReadonlyMap<string, UserFile>;

/** Reads files and everything that they import, as it is now. */
export function readGraph(roots: readonly string[], resolve: ResolveImport): UserGraph {
  const files = new Map<string, UserFile>();
  const waiting = [...roots];
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (files.has(url)) continue;
    const file = readUserFile(url, resolve);
    files.set(url, file);
    for (const link of file.links) if (link.url !== undefined) waiting.push(link.url);
  }
  return files;
}

function readUserFile(url: string, resolve: ResolveImport): UserFile {
  const path = fileURLToPath(url);
  let text: string | undefined;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { url, path, text, links: [] };
  }
  if (path.endsWith(".json")) return { url, path, text, links: [] };
  const links = importsIn(text).map((found): Link => {
    const target = resolve(found.specifier, url);
    return { ...found, url: target !== undefined && isUserFile(target) ? target : undefined };
  });
  return { url, path, text, links };
}

/** The part of a graph that a file is made of: itself and all that it imports, directly or not. */
export function partOf(graph: UserGraph, root: string): UserGraph {
  return new Map(reachable(graph, root).flatMap((url) => (graph.has(url) ? [[url, graph.get(url)!]] : [])));
}

/** The version of each file: a hash of its text and of all that it imports. */
export function versionsOf(graph: UserGraph): Map<string, string> {
  const digests = new Map([...graph].map(([url, { text }]) => [url, sha256(text ?? "")]));
  const version = (url: string): string =>
    sha256(
      reachable(graph, url)
        .sort()
        .map((one) => `${one} ${digests.get(one)}\n`)
        .join(""),
    ).slice(0, 16);
  return new Map([...graph.keys()].map((url) => [url, version(url)]));
}

function reachable(graph: UserGraph, from: string): string[] {
  const seen = new Set([from]);
  // What is added to a Set while it is walked is walked as well.
  for (const url of seen)
    for (const { url: next } of graph.get(url)?.links ?? []) if (next !== undefined) seen.add(next);
  return [...seen];
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
