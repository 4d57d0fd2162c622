import { type CpuJob, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { startField } from "../lib/field.ts";
import { CPU_METHOD } from "../lib/method.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

const SMALL: CpuJob = { what: "150-byte answer", path: "/small", connections: 64, bar: 1.15 };

/** What a small proxied request costs beside nginx and HAProxy. */
export const peers: Scenario = {
  name: "peers",
  summary: "CPU time of a small proxied request",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench);
  const runs = await measureCpu(bench, field, SMALL);
  return {
    tables: [cpuTable(SMALL, runs)],
    verdicts: [cpuVerdict(SMALL, runs)],
    method: CPU_METHOD,
    configs: field.configs,
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: { [SMALL.what]: runs },
  };
}
