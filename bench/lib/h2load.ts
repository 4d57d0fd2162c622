import { join } from "node:path";
import { HOST } from "./certificate.ts";
import type { LoadTarget } from "./cpu-run.ts";
import { BenchFailure, must } from "./failure.ts";
import { OFFERED } from "./handshake.ts";
import { BROWSER_REQUEST } from "./open-loop.ts";
import { launch } from "./process.ts";
import { ROOT } from "./root.ts";
import type { WrkSummary } from "./wrk.ts";

/** Milliseconds between the starts of new connections, where they come at a rate. */
const PERIOD_MS = 5;

/** What h2load does: asks over connections that it keeps, or over a new one for each request. */
export type H2loadShape =
  | {
      readonly connections: number;
      /** Requests under way at once on each connection. */
      readonly streams: number;
    }
  | {
      /** New connections a second, each with a full handshake and one request of HTTP/1.1. */
      readonly rate: number;
    };

/** What it said at its end. */
export interface H2loadReport extends WrkSummary {
  readonly version: string;
  readonly suite: string;
  readonly alpn: string;
}

/** Runs h2load over TLS with a browser's request; throws on any failed request or status other than 2xx. */
export async function runH2load(target: LoadTarget, path: string, shape: H2loadShape): Promise<H2loadReport> {
  const { what, port, core, seconds } = target;
  const args = [
    ...["-t", "1", "--connect-to", `127.0.0.1:${port}`],
    ...["--tls13-ciphers", OFFERED.suite, "--groups", OFFERED.group],
    ...shapeArgs(shape, seconds),
    ...browserFields().flatMap((field) => ["-H", field]),
    `https://${HOST}:${port}${path}`,
  ];
  const env = { OPENSSL_CONF: join(ROOT, "bench/load/tls13.cnf") };
  await using program = await launch({ name: "h2load", command: "h2load", args, core, env });
  await program.ended((seconds + 15) * 1_000);
  try {
    const report = parseH2load(program.output);
    const alpn = "rate" in shape ? "http/1.1" : "h2";
    must(report.alpn === alpn, `it spoke ${report.alpn}, not ${alpn}`);
    return report;
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BenchFailure(`${what}: ${cause}\n${program.output}`);
  }
}

function shapeArgs(shape: H2loadShape, seconds: number): string[] {
  if ("streams" in shape)
    return ["-c", `${shape.connections}`, "-m", `${shape.streams}`, "-D", `${seconds}`, "--npn-list", "h2"];
  const total = `${shape.rate * seconds}`;
  const each = (shape.rate * PERIOD_MS) / 1_000;
  must(Number.isInteger(each), `a rate must be a multiple of ${1_000 / PERIOD_MS} connections/s`);
  return ["-c", total, "-n", total, "-r", `${each}`, "--rate-period", `${PERIOD_MS}ms`, "--h1"];
}

/** The fields of `BROWSER_REQUEST` but for the host. */
function browserFields(): string[] {
  return BROWSER_REQUEST.split("\r\n").filter((line) => line.includes(": ") && !line.startsWith("Host: "));
}

/** Reads what h2load prints; throws unless every request was answered with 2xx. */
export function parseH2load(text: string): H2loadReport {
  const line = (pattern: RegExp): readonly string[] => {
    const match = pattern.exec(text);
    must(match !== null, `h2load printed no ${pattern}`);
    return match.slice(1);
  };
  const [done, succeeded, failed, errored, timeout] = line(
    /^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m,
  ).map(Number);
  const [ok = 0, ...others] = line(/^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m).map(Number);
  const [bytes = "0"] = line(/^traffic: \S+ \((\d+)\) total/m);
  const [took = "0", unit = "s"] = line(/^finished in ([\d.]+)(s|ms|us),/m);
  const [version = ""] = line(/^TLS Protocol: (\S+)$/m);
  const [suite = ""] = line(/^Cipher: (\S+)$/m);
  const [alpn = ""] = line(/^Application protocol: (\S+)$/m);
  must(done !== undefined && done > 0 && ok > 0, "h2load completed no request");
  must(
    succeeded === done && failed === 0 && errored === 0 && timeout === 0,
    `h2load saw ${failed} requests fail, ${errored} of them in the network, ${timeout} by a timeout`,
  );
  must(
    others.every((count) => count === 0),
    `h2load saw ${others.join(", ")} answers of 3xx, 4xx, 5xx`,
  );
  const durationUs = Number(took) * { s: 1e6, ms: 1e3, us: 1 }[unit as "s" | "ms" | "us"];
  return { requests: done, durationUs, bytes: Number(bytes), version, suite, alpn };
}
