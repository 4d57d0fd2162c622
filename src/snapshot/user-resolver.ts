import { type LoadFnOutput, type ModuleFormat, type ResolveFnOutput, registerHooks } from "node:module";
import { extname } from "node:path";
import { isUserFile, readGraph, type UserGraph, versionsOf } from "./user-graph.ts";

/** `.ts` in a checkout, `.js` in the published package. */
const EXTENSION = extname(import.meta.url);
/** What a user's code imports by name is the running instance: its classes are the ones that serve. */
const OWN: Readonly<Record<string, string>> = {
  torana: new URL(`../index${EXTENSION}`, import.meta.url).href,
  "torana/testing": new URL(`../testing/index${EXTENSION}`, import.meta.url).href,
};
const FORMATS: Readonly<Record<string, ModuleFormat>> = {
  ".ts": "module-typescript",
  ".mts": "module-typescript",
  ".js": "module",
  ".mjs": "module",
  ".json": "json",
};
/** A question to the resolver itself: what does a specifier mean in another module? */
const ASK = "torana-resolve:";
const VERSION = /[?&]v=[0-9a-f]{16}(?:\.\d+)?$/;

/** What the specifiers in a version of a file mean: versions of other files. */
const links = new Map<string, ReadonlyMap<string, string>>();
/** Texts of versions that are not loaded yet: what was hashed is what runs. */
const texts = new Map<string, string>();
/** How often a version failed to load: Node keeps a failed module, so the next try needs a new name. */
const failed = new Map<string, number>();
const counts = new Map<string, number>();
let registered = false;

/** Makes this thread's imports know "torana", and versions of users' files. Costs nothing the second time. */
export function registerUserResolver(): void {
  if (registered) return;
  registered = true;
  registerHooks({ resolve: resolveImport, load: loadVersion });
}

/** As `registerUserResolver`; every file that is not a package's is a module, as it is in a gateway. */
export function registerForTests(): void {
  registerUserResolver();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      return isUserFile(found.url) ? withFormat(found) : found;
    },
  });
}

type Next<Context, Output> = (what: string, context?: Partial<Context>) => Output;
type ResolveContext = Parameters<NonNullable<Parameters<typeof registerHooks>[0]["resolve"]>>[1];
type LoadContext = Parameters<NonNullable<Parameters<typeof registerHooks>[0]["load"]>>[1];

function resolveImport(
  specifier: string,
  context: ResolveContext,
  next: Next<ResolveContext, ResolveFnOutput>,
): ResolveFnOutput {
  const own = Object.hasOwn(OWN, specifier) ? OWN[specifier] : undefined;
  if (own !== undefined) return { ...next(own, context), shortCircuit: true };
  if (specifier.startsWith(ASK)) {
    const [asked = "", parentURL = ""] = JSON.parse(decodeURIComponent(specifier.slice(ASK.length)));
    return next(asked, { ...context, parentURL });
  }
  const { parentURL: parent } = context;
  // What was read is what is meant, also where the files are gone by now.
  const known = links.has(specifier) ? specifier : parent && links.get(parent)?.get(specifier);
  if (known) return withFormat({ url: known, shortCircuit: true });
  const found = next(specifier, context);
  if (parent === undefined || !VERSION.test(parent) || VERSION.test(found.url) || !isUserFile(found.url))
    return found;
  // What no scan found is computed while the module runs: read as it is now.
  return withFormat({ ...found, url: admit(readGraph([found.url], resolveIn)).get(found.url)! });
}

function withFormat(found: ResolveFnOutput): ResolveFnOutput {
  const format = FORMATS[extname(new URL(found.url).pathname)];
  return format === undefined ? found : { ...found, format };
}

function loadVersion(url: string, context: LoadContext, next: Next<LoadContext, LoadFnOutput>): LoadFnOutput {
  const source = texts.get(url);
  if (source === undefined) return next(url, context);
  texts.delete(url);
  const bare = url.replace(VERSION, "");
  counts.set(bare, (counts.get(bare) ?? 0) + 1);
  return { format: FORMATS[extname(new URL(url).pathname)], source, shortCircuit: true };
}

/** What a specifier means in a module; undefined when nothing is found. */
export function resolveIn(specifier: string, parent: string): string | undefined {
  registerUserResolver();
  try {
    return import.meta.resolve(ASK + encodeURIComponent(JSON.stringify([specifier, parent])));
  } catch {
    return undefined;
  }
}

/** Takes the files of a graph in; gives the URL that each is imported under. */
export function admit(graph: UserGraph): Map<string, string> {
  const versioned = new Map([...versionsOf(graph)].map(([url, version]) => [url, nameOf(url, version)]));
  for (const { url, text, links: imports } of graph.values()) {
    const name = versioned.get(url)!;
    if (links.has(name)) continue;
    const there = imports.filter(({ url: target }) => target && graph.get(target)?.text !== undefined);
    links.set(name, new Map(there.map((link) => [link.specifier, versioned.get(link.url!)!])));
    if (text !== undefined) texts.set(name, text);
  }
  return versioned;
}

function nameOf(url: string, version: string): string {
  const name = `${url}${url.includes("?") ? "&" : "?"}v=${version}`;
  const tries = failed.get(name) ?? 0;
  return tries === 0 ? name : `${name}.${tries}`;
}

/** These versions did not load: their next import is a new one. */
export function giveUp(names: Iterable<string>): void {
  for (const name of names) {
    links.delete(name);
    texts.delete(name);
    const first = name.replace(/\.\d+$/, "");
    failed.set(first, (failed.get(first) ?? 0) + 1);
  }
}

/** How many versions of each file were loaded since this thread started: V8 keeps them all. */
export function versionCounts(): ReadonlyMap<string, number> {
  return counts;
}
