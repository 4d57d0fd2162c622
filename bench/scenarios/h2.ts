import { makeCertificate } from "../lib/certificate.ts";
import { type CpuJob, type CpuRuns, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { folderFor, startField } from "../lib/field.ts";
import { runH2load } from "../lib/h2load.ts";
import { tlsMethod } from "../lib/method.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

/** A load over so many connections with so many requests under way on each. */
function jobOf(connections: number, streams: number): CpuJob {
  return {
    what: `HTTP/2 over TLS, 150-byte answer, ${streams} at once`,
    path: "/small",
    connections,
    shape: `${connections} connections × ${streams} streams`,
    bar: 2,
    load: (target) => runH2load(target, "/small", { connections, streams }),
  };
}

/** Many at once let a proxy gather frames for one read, record and write; one at a time does not. */
const JOBS: readonly CpuJob[] = [jobOf(8, 16), jobOf(64, 1)];

/** What a small proxied request costs when the client speaks HTTP/2. */
export const h2: Scenario = {
  name: "h2",
  summary: "CPU time of a small proxied request over HTTP/2 and TLS 1.3",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const certificate = makeCertificate(folderFor(bench, "certificate"), "shop");
  await using field = await startField(bench, { certificate, http2: true });
  const found: [CpuJob, CpuRuns][] = [];
  for (const job of JOBS) found.push([job, await measureCpu(bench, field, job)]);
  return {
    tables: found.map(([job, runs]) => cpuTable(job, runs)),
    verdicts: found.map(([job, runs]) => cpuVerdict(job, runs)),
    method: [
      ...tlsMethod("h2load"),
      "h2load sends the same fields again and again, so HPACK's table serves nearly all of them, as on a browser's connection. Windows are large. The services are asked over HTTP/1.1.",
    ],
    configs: field.configs,
    noise: found.flatMap(([, runs]) => Object.values(runs).flatMap((all) => all.map((one) => one.noise))),
    raw: Object.fromEntries(found.map(([job, runs]) => [job.what, runs])),
  };
}
