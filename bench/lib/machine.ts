/** What a result must say about the machine and the programs, so that a reader can judge it. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { firstLineOf } from "./process.ts";
import { ROOT } from "./root.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly torana: string;
  readonly nginx: string;
  readonly haproxy: string;
  readonly wrk: string;
  readonly h2load: string;
  /** What nginx and HAProxy have TLS from; Torana has it from Node. */
  readonly openssl: string;
  readonly nodeOpenssl: string;
  /** Load average (1 min) before the first run. */
  readonly loadBefore: number;
}

/** Describes this machine and the versions on it. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    torana: toranaVersion(),
    nginx: firstLineOf("nginx", "-v").replace("nginx version: ", ""),
    haproxy: firstLineOf("haproxy", "-v").split(" - ")[0]!,
    wrk: firstLineOf("wrk", "-v").split(" [")[0]!,
    h2load: firstLineOf("h2load", "--version"),
    openssl: firstLineOf("openssl", "version").split(" (")[0]!,
    nodeOpenssl: process.versions.openssl,
    loadBefore: loadavg()[0]!,
  };
}

function toranaVersion(): string {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as { version: string };
  const commit = firstLineOf("git", "-C", ROOT, "rev-parse", "--short", "HEAD");
  if (!/^[0-9a-f]{7,}$/.test(commit)) return version;
  const changed = firstLineOf("git", "-C", ROOT, "status", "--porcelain", "--", "src", "bin") !== "";
  return `${version} (${commit}${changed ? ", with uncommitted changes" : ""})`;
}
