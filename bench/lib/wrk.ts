import { join } from "node:path";
import { must } from "./failure.ts";
import { launch } from "./process.ts";
import { ROOT } from "./root.ts";

export interface WrkJob {
  readonly port: number;
  readonly path: string;
  readonly core: number | readonly number[];
  /** In the scheduler's idle class: it gives way to what it loads; default false. */
  readonly spareTimeOnly?: boolean | undefined;
  /** A script of bench/load/ and its arguments; default browser.lua with method and bytes of the body. */
  readonly script?: readonly [file: string, ...args: readonly string[]] | undefined;
  readonly seconds: number;
  readonly connections: number;
  /** Default GET. */
  readonly method?: string | undefined;
  /** Bytes of the request's body; default 0. */
  readonly bodyBytes?: number | undefined;
  /** Over TLS: all that wrk offers is in bench/load/tls13.cnf; default false. */
  readonly tls?: boolean | undefined;
  /** For messages: what is measured. */
  readonly what: string;
}

export interface WrkSummary {
  /** Requests that were answered. */
  readonly requests: number;
  readonly durationUs: number;
  /** Bytes received. */
  readonly bytes: number;
}

interface WholeSummary extends WrkSummary {
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly status: number;
  readonly timeout: number;
}

/** Runs wrk with one thread and a browser's request; throws on any socket error, timeout or bad status. */
export async function runWrk(job: WrkJob): Promise<WrkSummary> {
  const { connections, seconds, port, path, method = "GET", bodyBytes = 0 } = job;
  const url = `${job.tls ? "https" : "http"}://127.0.0.1:${port}${path}`;
  const shape = ["-t", "1", "-c", String(connections), "-d", String(seconds), "--timeout", "10s"];
  const [script, ...scriptArgs] = job.script ?? ["browser.lua", method, String(bodyBytes)];
  const args = [...shape, "-s", join(ROOT, "bench/load", script), url, "--", ...scriptArgs];
  const { core, spareTimeOnly } = job;
  const env = job.tls ? { OPENSSL_CONF: join(ROOT, "bench/load/tls13.cnf") } : undefined;
  await using wrk = await launch({ name: "wrk", command: "wrk", args, core, spareTimeOnly, env });
  await wrk.ended((seconds + 15) * 1_000);
  const line = /^SUMMARY (.*)$/m.exec(wrk.output)?.[1];
  must(line !== undefined, `${job.what}: wrk printed no summary:\n${wrk.output}`);
  const summary = JSON.parse(line) as WholeSummary;
  const { connect, read, write, status, timeout } = summary;
  must(
    connect + read + write + status + timeout === 0,
    `${job.what}: wrk saw errors (connect ${connect}, read ${read}, write ${write}, status ${status}, timeout ${timeout})`,
  );
  must(summary.requests > 0, `${job.what}: wrk completed no request`);
  return { requests: summary.requests, durationUs: summary.durationUs, bytes: summary.bytes };
}
