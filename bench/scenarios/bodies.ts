import { type CpuJob, type CpuRuns, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { startField } from "../lib/field.ts";
import { CPU_METHOD } from "../lib/method.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

const MEGABYTE = 1_048_576;
const JOBS: readonly CpuJob[] = [
  { what: "100 KB answer", path: "/100k", connections: 32, bar: 1 },
  { what: "1 MB answer", path: "/1m", connections: 32, bar: 1 },
  { what: "1 MB upload", path: "/upload", method: "POST", bodyBytes: MEGABYTE, connections: 32, bar: 1.2 },
];

/** What large bodies cost, both ways. */
export const bodies: Scenario = {
  name: "bodies",
  summary: "CPU time of large answers and uploads",
  peers: ["torana", "nginx", "haproxy", "nginx-streaming"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench);
  const found: [CpuJob, CpuRuns][] = [];
  for (const job of JOBS) found.push([job, await measureCpu(bench, field, job)]);
  return {
    tables: found.map(([job, runs]) => cpuTable(job, runs)),
    verdicts: found.map(([job, runs]) => cpuVerdict(job, runs)),
    method: [
      ...CPU_METHOD,
      "nginx has its defaults: it buffers answers in 8 × 4 KB, and an upload beyond 16 KB in a file before the service sees it. nginx-streaming (proxy_request_buffering off, 8 × 64 KB, no files) shows what tuning gives; the bars are against the defaults.",
    ],
    configs: field.configs,
    noise: found.flatMap(([, runs]) => Object.values(runs).flatMap((all) => all.map((one) => one.noise))),
    raw: Object.fromEntries(found.map(([job, runs]) => [job.what, runs])),
  };
}
