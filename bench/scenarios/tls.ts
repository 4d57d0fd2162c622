import { makeCertificate } from "../lib/certificate.ts";
import { type CpuJob, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { folderFor, startField } from "../lib/field.ts";
import { tlsMethod } from "../lib/method.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

const SMALL: CpuJob = {
  what: "150-byte answer over TLS",
  path: "/small",
  connections: 64,
  tls: true,
  bar: 1.2,
};

/** `peers` over TLS connections that are kept. */
export const tls: Scenario = {
  name: "tls",
  summary: "CPU time of a small proxied request over TLS 1.3, HTTP/1.1",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const certificate = makeCertificate(folderFor(bench, "certificate"), "shop");
  await using field = await startField(bench, { certificate });
  const runs = await measureCpu(bench, field, SMALL);
  return {
    tables: [cpuTable(SMALL, runs)],
    verdicts: [cpuVerdict(SMALL, runs)],
    method: [
      ...tlsMethod("wrk"),
      "The handshakes of the 64 connections fall into each run: less than 1 % of it. Connections to the upstream are without TLS.",
    ],
    configs: field.configs,
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: { [SMALL.what]: runs },
  };
}
