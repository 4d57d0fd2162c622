import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type CpuJob, type CpuRuns, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { must } from "../lib/failure.ts";
import { startField } from "../lib/field.ts";
import { CPU_METHOD } from "../lib/method.ts";
import { LOG_FIELDS } from "../lib/peer.ts";
import { pause } from "../lib/process.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

const LOGGED: CpuJob = {
  what: "150-byte answer, logged",
  path: "/small",
  connections: 64,
  bar: 1.2,
};

/** `peers` with an access log of the same fields. */
export const peersLogged: Scenario = {
  name: "peers-logged",
  summary: "CPU time of a small proxied request that is logged",
  peers: ["torana", "nginx"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench, { accessLog: true });
  const runs = await measureCpu(bench, field, LOGGED);
  await pause(3_000); // both write what they hold within a second
  for (const [name, { port }] of field.peers) mustHaveLogged(bench, runs, name, port);
  return {
    tables: [cpuTable(LOGGED, runs)],
    verdicts: [cpuVerdict(LOGGED, runs)],
    method: [
      ...CPU_METHOD.filter((line) => !line.startsWith("Access logs are off")),
      `Each exchange is a line of JSON in a file: ${LOG_FIELDS.join(", ")}. Both proxies gather 64 KB or one second's lines before they write (nginx: buffer=64k flush=1s; without, it would write for each request). That no line was lost was checked afterwards. HAProxy is left out: it cannot log to a file by itself.`,
      "nginx and Torana have no other tuning than the configs below.",
    ],
    configs: field.configs,
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: { [LOGGED.what]: runs },
  };
}

function mustHaveLogged(bench: Bench, runs: CpuRuns, name: keyof CpuRuns, port: number): void {
  const folder = join(bench.folder, `${name}-${port}`);
  must(readdirSync(folder).includes("access.log"), `${name} wrote no access log`);
  const lines = Number(
    execFileSync("wc", ["-l", join(folder, "access.log")], { encoding: "utf8" }).split(" ")[0],
  );
  const requests = (runs[name] ?? []).reduce((sum, run) => sum + run.requests, 0);
  must(lines >= requests, `${name} logged ${lines} of more than ${requests} requests`);
}
