import type { Access } from "./asker.ts";
import type { Program } from "./process.ts";

/** The proxies that can be compared. */
export type PeerName = "torana" | "nginx" | "haproxy" | "nginx-streaming";

/** What a line of the access log tells, where there is one. */
export type LogField =
  | ("time" | "id" | "client" | "method" | "host" | "path")
  | ("status" | "bytes" | "duration" | "upstream" | "endpoint" | "userAgent");
export const LOG_FIELDS: readonly LogField[] = [
  ...(["time", "id", "client", "method", "host", "path"] as const),
  ...(["status", "bytes", "duration", "upstream", "endpoint", "userAgent"] as const),
];

export interface PeerSetup extends Access {
  /** Folder of its own for config and temporary files. */
  readonly folder: string;
  /** Port of 127.0.0.1 to listen on. */
  readonly port: number;
  /** Ports of 127.0.0.1 where the service's endpoints are. */
  readonly endpoints: readonly number[];
  /** The only core that it may use. */
  readonly core: number;
  /** Most client connections at once; default 1,000. */
  readonly connections?: number | undefined;
  /** Idle time after which client connections may be closed; default: the proxy's own default. */
  readonly idleSeconds?: number | undefined;
  /** A line of JSON for each exchange goes to `access.log` in the folder; default false. */
  readonly accessLog?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A proxy that serves. */
export interface RunningPeer extends AsyncDisposable {
  readonly name: PeerName;
  readonly port: number;
  /** The process that does the work: its CPU time and memory count. */
  readonly pid: number;
  /** The config that it was started with. */
  readonly config: string;
  readonly program: Pick<Program, "output" | "assertAlive">;
}

/** Starts one kind of proxy. */
export type StartPeer = (setup: PeerSetup) => Promise<RunningPeer>;
