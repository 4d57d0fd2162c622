import type { ConfigProblem } from "../config/problem.ts";
import type { ConsumersQuery } from "../observe/consumers.ts";

/** Whether requests are served as they should be. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not, a sentence each; empty when ready. */
  readonly reasons: readonly string[];
}

/** A request to be explained. */
export interface ExplainRequest {
  /** Default GET. */
  readonly method: string;
  /** Absolute: http://host/path?query. */
  readonly url: string;
  /** Names and values, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Address of the client; undefined: 127.0.0.1. */
  readonly from: string | undefined;
  /** Name of the listener; undefined: the first one that fits. */
  readonly listener: string | undefined;
}

/** What became of a reload. */
export interface ReloadResult {
  /** The config in the files is the one that serves now. */
  readonly ok: boolean;
  /** Number of the config that serves now. */
  readonly generation: number;
  /** What is different now, in words or names. */
  readonly changed: readonly string[];
  /** What stands against it, when not ok. */
  readonly problems: readonly ConfigProblem[];
}

/** What the admin endpoints show and do; the supervisor is behind it. Nothing that it gives may hold a secret. */
export interface AdminSource {
  /** Whether the process is in order; false asks to be restarted. */
  live(): boolean;
  ready(): Readiness;
  /** In the text format of Prometheus. */
  metrics(): string | Promise<string>;
  /** The config that serves, masked, its generation, the workers. */
  snapshot(): object | Promise<object>;
  /** The routes in the order in which they are tried. */
  routes(): readonly object[] | Promise<readonly object[]>;
  /** Consumers with the ids and times of their credentials; no hash, no secret. */
  consumers(query: ConsumersQuery): object | Promise<object>;
  /** What would become of a request. Throws an AdminProblem for a request that cannot be. */
  explain(request: ExplainRequest): Promise<object>;
  /** Reads the config anew and puts it in force, or keeps the one that serves. */
  reload(): Promise<ReloadResult>;
  /** The text of a profile of a worker (undefined: the first). Throws an AdminProblem for a worker that is not there. */
  profile(kind: "cpu" | "heap", seconds: number, worker: number | undefined): Promise<string | Buffer>;
  workers(): readonly object[] | Promise<readonly object[]>;
}

/** Something that was asked for and will not be done; all of it is shown. */
export class AdminProblem extends Error {
  readonly status: number;
  /** In snake_case, as in problem documents of the gateway. */
  readonly reason: string;
  /** More members of the document. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(status: number, reason: string, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "AdminProblem";
    this.status = status;
    this.reason = reason;
    this.more = more;
  }
}
