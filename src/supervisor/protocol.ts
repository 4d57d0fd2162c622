import type { ExplainRequest } from "../admin/source.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { Secrets } from "../config/secrets.ts";
import type { SeriesNews, SharedSeries } from "../observe/series.ts";
import type { LimitMemory } from "../stores/limit-memory.ts";

/** Everything of a config but what is sent piece by piece. */
export type ConfigBase = Omit<Config, "routes" | "services">;

/** A config as it travels: the whole order of what it holds, and only those parts that the receiver lacks. */
export interface ConfigUpdate {
  readonly generation: number;
  readonly base: ConfigBase;
  /** Tells versions of the users' own policies apart. */
  readonly code: string;
  /** What of it must not be shown. */
  readonly secrets: Secrets;
  /** Fingerprints of all routes, in the order in which they are written. */
  readonly routes: readonly string[];
  /** Names and fingerprints of all services. */
  readonly services: readonly (readonly [name: string, fingerprint: string])[];
  /** Parts that are new. */
  readonly newRoutes: readonly ConfigPart[];
  readonly newServices: readonly ConfigPart[];
}

/**
 * A route or a service as it travels: its fingerprint, itself in JSON, and of a route its name and those of its services
 * with NUL between them. The main thread, which only passes it on, holds texts then and not a tree of objects.
 */
export type ConfigPart = readonly [fingerprint: string, text: string, names: string];

/** What a worker is started with. */
export interface WorkerStart {
  readonly index: number;
  /** When each worker last showed a sign of life, by `process.hrtime`. */
  readonly beats: BigInt64Array;
  /** It is the one that has the Unix sockets. */
  readonly first: boolean;
  /** Unix sockets that others listen on, and that are taken from them. */
  readonly follows: readonly string[];
  /** JavaScript heap that it may grow to, in MiB. */
  readonly memory: number;
  /** Where numbers are counted. */
  readonly series: SharedSeries;
  /** Where limits are counted. */
  readonly limits: LimitMemory;
  /** What TLS tickets are made with: the same in all workers. */
  readonly tickets: Uint8Array;
  /** Folder and file that the config came from. */
  readonly file: string;
}

/** Parts of a config that travel in one message: more would hold up both threads. */
export const SLICE = 100;

/** From the main thread to a worker. */
export type ToWorker =
  /** Some of the new parts of an update that follows. */
  | { readonly type: "parts"; readonly update: Pick<ConfigUpdate, "newRoutes" | "newServices"> }
  | { readonly type: "prepare"; readonly update: ConfigUpdate }
  | { readonly type: "commit"; readonly generation: number }
  | { readonly type: "abort"; readonly generation: number }
  /** TLS tickets are made with this from now on. */
  | { readonly type: "tickets"; readonly secret: Uint8Array }
  | { readonly type: "stop-accepting" }
  | { readonly type: "stop"; readonly graceMs: number }
  /** Another serves in its place: it ends with its last tunnel. */
  | { readonly type: "retire"; readonly graceMs: number }
  | { readonly type: "ask"; readonly id: number; readonly what: Question };

/** What the main thread may want to know of a worker. */
export type Question =
  | { readonly kind: "user-policies" }
  | { readonly kind: "reopen" }
  | { readonly kind: "routes" }
  | { readonly kind: "explain"; readonly request: ExplainRequest }
  | { readonly kind: "profile"; readonly of: "cpu" | "heap"; readonly seconds: number };

/** From a worker to the main thread. */
export type FromWorker =
  | { readonly type: "ready"; readonly generation: number }
  | { readonly type: "refused"; readonly generation: number; readonly problem: RefusedUpdate }
  | { readonly type: "committed"; readonly generation: number }
  /** No snapshot before this generation serves an exchange any more. */
  | { readonly type: "left"; readonly generation: number }
  | { readonly type: "accepting-stopped" }
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "series"; readonly news: SeriesNews }
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown; readonly error?: string };

/** Why a worker did not take an update: problems of the config, or an address that cannot be had. */
export interface RefusedUpdate {
  readonly problems: readonly ConfigProblem[] | undefined;
  readonly message: string;
}
