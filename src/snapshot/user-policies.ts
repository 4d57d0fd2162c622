import { fileURLToPath, pathToFileURL } from "node:url";
import { ConfigError, type Origin, problemAt } from "../config/problem.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { isUserFile, partOf, readGraph, type UserGraph } from "./user-graph.ts";
import { importing, problemOf, shownPath } from "./user-problems.ts";
import { admit, giveUp, registerUserResolver, resolveIn, versionCounts } from "./user-resolver.ts";

/** How long a policy's file may take to load, in milliseconds: a top-level await that never ends must not hold a reload. */
const LOAD_TIMEOUT = 10_000;

/** Versions that serve or have served: they are never given up. */
const loaded = new Set<string>();

/** Reads users' files and everything that they import. Never throws: what is missing is told when it is loaded. */
export function readUserCode(files: Iterable<string>): UserGraph {
  return readGraph(
    Array.from(files, (file) => pathToFileURL(file).href),
    resolveIn,
  );
}

/**
 * Loads the policy that a user's file exports, from code as it was read. As long as nothing of it has changed it is the
 * same object. Throws a ConfigError: at the user's line for what the code does wrong, at `origin` for what the file is not.
 */
export async function loadUserPolicy(
  file: string,
  origin: Origin,
  code: UserGraph = readUserCode([file]),
): Promise<PolicyDefinition> {
  registerUserResolver();
  const root = pathToFileURL(file).href;
  const graph = partOf(code, root);
  if (graph.get(root)?.text === undefined)
    throw refused(origin, `${shownPath(file)} cannot be read`, "correct the path");
  refuseCommonJs(graph);
  const versioned = admit(graph);
  let module: object;
  try {
    module = await importInTime(versioned.get(root)!);
  } catch (error) {
    giveUp([...versioned.values()].filter((name) => !loaded.has(name)));
    throw new ConfigError([problemOf(error, file, graph)]);
  }
  for (const name of versioned.values()) loaded.add(name);
  return onlyPolicy(module, file, origin);
}

/** Node loads CommonJS once for good: a change of it would never serve. */
function refuseCommonJs(graph: UserGraph): void {
  for (const { url, path } of graph.values()) {
    if (!/\.c[tj]s$/.test(path)) continue;
    const place = importing(graph, (link) => link.url === url);
    const problem = problemAt(
      { file: shownPath(place?.path ?? path), path: [] },
      `${shownPath(path)} is CommonJS, of which only the first version would ever serve`,
      "write it as an ES module",
    );
    throw new ConfigError([{ ...problem, line: place?.line, column: place?.column }]);
  }
}

async function importInTime(name: string): Promise<object> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`was not loaded within ${LOAD_TIMEOUT / 1_000} s: a top-level await waits`)),
    LOAD_TIMEOUT,
  );
  try {
    return (await Promise.race([import(name), late.promise])) as object;
  } finally {
    clearTimeout(timer);
  }
}

function onlyPolicy(module: object, file: string, origin: Origin): PolicyDefinition {
  const [policy, ...more] = new Set(Object.values(module).filter(looksLikePolicy));
  if (policy === undefined)
    throw refused(
      origin,
      `${shownPath(file)} exports no policy`,
      "write: export const policy = definePolicy({ … })",
    );
  if (more.length > 0)
    throw refused(
      origin,
      `${shownPath(file)} exports ${more.length + 1} policies`,
      "leave one there and give each of the others a file of its own",
    );
  try {
    return definePolicy(policy); // checks what was not made by it; gives the same object
  } catch (error) {
    throw refused(
      { file: shownPath(file), path: [] },
      (error as Error).message,
      "declare it with definePolicy",
    );
  }
}

function looksLikePolicy(value: unknown): value is PolicyDefinition {
  return typeof value === "object" && value !== null && "phase" in value && "compile" in value;
}

/** Every file that a user's policy is made of, also one that is imported and not there yet. */
export function dependenciesOf(file: string): string[] {
  return filesOf(readUserCode([file]));
}

/** Every file of users' code, also one that is imported and not there yet. */
export function filesOf(code: UserGraph): string[] {
  const paths = new Set<string>();
  for (const { url, path, links } of code.values()) {
    paths.add(path);
    for (const { specifier } of links) {
      const target = URL.parse(specifier, url);
      if (/^\.{0,2}\//.test(specifier) && target !== null && isUserFile(target.href))
        paths.add(fileURLToPath(target));
    }
  }
  return [...paths];
}

/** How many versions of each file of users' code this thread has loaded since it started; V8 keeps them all. */
export function userPolicyVersions(): Map<string, number> {
  return new Map([...versionCounts()].map(([url, count]) => [fileURLToPath(url), count]));
}

function refused(origin: Origin, reason: string, cure: string): ConfigError {
  return new ConfigError([problemAt(origin, reason, cure)]);
}
