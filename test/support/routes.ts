import { ALWAYS } from "../../src/config/always.ts";
import type { MatchConfig } from "../../src/config/route-schema.ts";
import { Fields } from "../../src/lib/fields.ts";
import { RequestHead } from "../../src/lib/request.ts";
import type { RouteFacts } from "../../src/pipeline/ports.ts";
import type { Route } from "../../src/pipeline/route.ts";
import type { RouteEntry } from "../../src/routing/router.ts";

/** A route that does nothing. */
export function bareRoute(name: string): Route {
  return {
    name,
    state: { series: -1 },
    service: undefined,
    serviceName: "",
    split: undefined,
    request: undefined,
    attempt: [],
    recover: [],
    response: undefined,
    bodies: { request: undefined, response: undefined, responseBuffer: 0 },
    log: [],
    deadline: 0,
    tunnelLimits: undefined,
  };
}

/** Conditions of a route, the rest left out. */
export type Conditions = Partial<MatchConfig>;

/** What a test says of a route. */
export interface BareEntry {
  readonly match?: Conditions | readonly Conditions[];
  readonly listeners?: readonly string[];
  readonly priority?: number;
}

/** A route of a table. */
export function bareEntry(name: string, position: number, entry: BareEntry = {}): RouteEntry {
  const { match = {}, listeners = [], priority = 0 } = entry;
  const list = (Array.isArray(match) ? match : [match]) as readonly Conditions[];
  return {
    route: bareRoute(name),
    match: list.map((one) => ({ ...ALWAYS, ...one })),
    listeners,
    priority,
    position,
  };
}

/** The routes of a table, in the order in which they are written. */
export function bareEntries(routes: Readonly<Record<string, BareEntry>>): RouteEntry[] {
  return Object.entries(routes).map(([name, entry], position) => bareEntry(name, position, entry));
}

/** What a request is routed by. */
export interface Asked {
  readonly method?: string;
  readonly host?: string;
  /** Path and query (default "/"). */
  readonly target?: string;
  readonly fields?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  readonly from?: string;
  readonly listener?: string;
}

/** The facts of a request. */
export function factsOf(asked: Asked): RouteFacts {
  const { method = "GET", host = "h", target = "/", fields = {}, from = "192.0.2.1", listener = "" } = asked;
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? "" : target.slice(mark);
  const request = new RequestHead(method, "http", host, path, query, Fields.from(fields));
  return { request, clientAddress: from, listener };
}
