import type { ConfigDocument } from "./documents.ts";
import type { Findings } from "./findings.ts";
import { nearest } from "./nearest.ts";
import { combine, parametersOf } from "./nesting.ts";
import type { Origin } from "./problem.ts";
import type { RouteMemory } from "./route-memory.ts";
import { type MatchConfig, matches } from "./route-schema.ts";
import type { ServiceScope } from "./service-scope.ts";
import { isMap, mapsOf, textsOf } from "./written.ts";

/** What a route inherits: from those above it, and from the file that it stands in. */
interface Above {
  readonly document: ConfigDocument;
  readonly path: readonly PropertyKey[];
  /** Names of the routes above, with a dot behind: "shop."; empty at the top. */
  readonly prefix: string;
  /** Undefined where the conditions above are not known, because they are wrong. */
  readonly match: readonly MatchConfig[] | undefined;
  readonly listeners: readonly string[];
  readonly services: ServiceScope;
}

const EVERYTHING: readonly MatchConfig[] = matches.parse(undefined);

/**
 * Checks how routes, services and listeners refer to one another, in what was written: also where other things in it are
 * wrong, so that all problems are told at once. `memory`: what it knows of a route is not found out again.
 */
export function checkRoutes(
  document: ConfigDocument,
  services: ServiceScope,
  findings: Findings,
  memory?: RouteMemory,
): void {
  new RouteChecker(document, findings, memory).list({
    document,
    path: [],
    prefix: "",
    match: EVERYTHING,
    listeners: [],
    services,
  });
}

class RouteChecker {
  readonly #findings: Findings;
  readonly #listeners: readonly string[];
  /** Those that lead connections on byte by byte: no route is asked. */
  readonly #tcp: ReadonlySet<string>;
  readonly #names = new Set<string>();
  readonly #memory: RouteMemory | undefined;

  constructor({ value }: ConfigDocument, findings: Findings, memory: RouteMemory | undefined) {
    this.#findings = findings;
    this.#memory = memory;
    const names = isMap(value) ? mapsOf(value["listeners"]).flatMap(([, one]) => textsOf(one["name"])) : [];
    this.#listeners = [...new Set(names)];
    const tcp = isMap(value) ? mapsOf(value["listeners"]).filter(([, one]) => one["tcp"] !== undefined) : [];
    this.#tcp = new Set(tcp.flatMap(([, one]) => textsOf(one["name"])));
  }

  /** Checks the routes of a map: those of a document, or those below a route. */
  list(above: Above): void {
    const holder = above.path.reduce<unknown>(
      (value, key) => (value as Record<PropertyKey, unknown>)[key],
      above.document.value,
    );
    if (!isMap(holder)) return;
    for (const [i, route] of mapsOf(holder["routes"]))
      this.#route(route, { ...above, path: [...above.path, "routes", i] }, i);
  }

  #route(route: Readonly<Record<string, unknown>>, above: Above, index: number): void {
    const { document, path } = above;
    const at = (...more: PropertyKey[]): Origin => ({ file: document.file, path: [...path, ...more] });
    const [name = ""] = textsOf(route["name"]);
    const full = above.prefix + name;
    if (name !== "" && this.#names.has(full))
      this.#findings.add(
        at("name"),
        `the name ${JSON.stringify(full)} stands twice`,
        "give each route a name of its own",
      );
    this.#names.add(full);
    this.#checkListeners(route, above, at);
    // One at the top that is written as before: its own conditions fit one another as they did.
    if (above.prefix === "" && this.#memory?.isKnown(index) === true) {
      this.#checkServices(route, above.services, at);
      return;
    }
    const group = route["routes"] !== undefined || route["include"] !== undefined;
    const match = this.#matchOf(
      route,
      above,
      at,
      group || above.prefix !== "" || route["rewrite"] !== undefined,
    );
    if (group)
      this.#group(route, { ...above, prefix: `${full}.`, match, listeners: listenersOf(route, above) }, at);
    else {
      this.#checkServices(route, above.services, at);
      this.#checkRewrite(route, match, at);
    }
  }

  #group(
    route: Readonly<Record<string, unknown>>,
    below: Above,
    at: (...more: PropertyKey[]) => Origin,
  ): void {
    for (const key of ["service", "split", "rewrite"])
      if (route[key] !== undefined)
        this.#findings.add(
          at(key),
          "cannot stand on a route with routes below it",
          `write ${key} on those routes`,
          "key",
        );
    const included = below.document.includes.get(route);
    if (mapsOf(route["routes"]).length === 0 && route["include"] === undefined)
      this.#findings.add(at("routes"), "holds no routes", "write the routes below this one, or remove it");
    this.list(below);
    if (included === undefined) return;
    const services = below.services.inner(below.prefix, included);
    for (const { name, taken } of services.own())
      if (taken)
        this.#findings.add(
          { file: included.file, path: ["services", name] },
          `the name ${JSON.stringify(below.prefix + name)} is taken by a service of the main file`,
          "rename one of the two",
          "key",
        );
    this.list({ ...below, document: included, path: [], services });
  }

  #checkListeners(
    route: Readonly<Record<string, unknown>>,
    above: Above,
    at: (...more: PropertyKey[]) => Origin,
  ): void {
    const known = this.#listeners;
    textsOf(route["listeners"]).forEach((name, i) => {
      const place = Array.isArray(route["listeners"]) ? at("listeners", i) : at("listeners");
      if (!known.includes(name))
        this.#findings.add(place, `there is no listener ${JSON.stringify(name)}`, oneOf(known));
      else if (this.#tcp.has(name))
        this.#findings.add(
          place,
          `the listener ${JSON.stringify(name)} leads connections on byte by byte: no route is asked`,
          "name one without tcp",
        );
      else if (above.listeners.length > 0 && !above.listeners.includes(name))
        this.#findings.add(
          place,
          `the route above is not bound to ${JSON.stringify(name)}`,
          oneOf(above.listeners),
        );
    });
  }

  #matchOf(
    route: Readonly<Record<string, unknown>>,
    above: Above,
    at: (...more: PropertyKey[]) => Origin,
    wanted: boolean,
  ): readonly MatchConfig[] | undefined {
    if (!wanted || above.match === undefined) return undefined;
    const read = matches.safeParse(route["match"]);
    if (!read.success) return undefined;
    if (above.match === EVERYTHING) return read.data;
    const { matches: combined, conflicts } = combine(above.match, read.data);
    for (const { key, index, reason, cure } of conflicts)
      this.#findings.add(at("match", ...(Array.isArray(route["match"]) ? [index] : []), key), reason, cure);
    return conflicts.length > 0 ? undefined : combined;
  }

  #checkServices(
    route: Readonly<Record<string, unknown>>,
    services: ServiceScope,
    at: (...more: PropertyKey[]) => Origin,
  ): void {
    const { service } = route;
    const split = mapsOf(route["split"]);
    if (service !== undefined && split.length > 0)
      this.#findings.add(at("split"), "service and split exclude each other", "write one of them", "key");
    if (typeof service === "string") this.#service(service, services, at("service"));
    for (const [i, one] of split)
      if (typeof one["service"] === "string")
        this.#service(one["service"], services, at("split", i, "service"));
    if (split.length > 0 && split.every(([, { weight }]) => weight === 0))
      this.#findings.add(
        at("split"),
        "its weights are all 0",
        "give a service a weight of at least 1",
        "key",
      );
  }

  #service(name: string, services: ServiceScope, at: Origin): void {
    if (services.use(name)) return;
    const known = services.names();
    this.#findings.add(at, `there is no service ${JSON.stringify(name)}`, oneOf(known, name));
  }

  #checkRewrite(
    route: Readonly<Record<string, unknown>>,
    match: readonly MatchConfig[] | undefined,
    at: (...more: PropertyKey[]) => Origin,
  ): void {
    const { rewrite } = route;
    if (!isMap(rewrite) || match === undefined) return;
    const paths = match.flatMap(({ path }) => path);
    const whole = paths.find((path) => typeof path !== "string" || !path.endsWith("/*"));
    if (rewrite["prefix"] !== undefined && whole !== undefined)
      this.#findings.add(
        at("rewrite", "prefix"),
        `the path ${textOf(whole)} has no prefix to replace`,
        "end the route's path with /*, or use rewrite.path",
        "key",
      );
    if (typeof rewrite["path"] !== "string") return;
    const everywhere = match.some(({ path }) => path.length === 0);
    for (const name of parametersOf(rewrite["path"])) {
      const without = everywhere
        ? "a match without a path"
        : paths.find((path) => !parametersOf(path).includes(name));
      if (without !== undefined)
        this.#findings.add(
          at("rewrite", "path"),
          `{${name}} is no parameter of ${textOf(without)}`,
          `write {${name}} in every path of the route, or leave it out here`,
        );
    }
  }
}

function listenersOf(route: Readonly<Record<string, unknown>>, above: Above): readonly string[] {
  const own = textsOf(route["listeners"]);
  return own.length > 0 ? own : above.listeners;
}

function textOf(path: string | { readonly regex: string }): string {
  return typeof path === "string" ? path : JSON.stringify(path.regex);
}

function oneOf(known: readonly string[], wanted?: string): string {
  if (known.length === 0) return "write it first: there is none yet";
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return `write one of: ${known.slice(0, 20).join(", ")}${known.length > 20 ? " …" : ""}`;
}
