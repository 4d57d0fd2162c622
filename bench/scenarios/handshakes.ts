import { makeCertificate } from "../lib/certificate.ts";
import { type CpuJob, type CpuRuns, cpuTable, cpuVerdict, measureCpu } from "../lib/cpu-run.ts";
import { must } from "../lib/failure.ts";
import { type Field, folderFor, startField } from "../lib/field.ts";
import { runH2load } from "../lib/h2load.ts";
import { shakeHands } from "../lib/handshake.ts";
import { tlsMethod } from "../lib/method.ts";
import type { PeerName } from "../lib/peer.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";

/** New connections a second: h2load, which costs more than the proxies, can open them on its core beside the upstream. */
const RATE = 600;

const CONNECTION: CpuJob = {
  what: "Full handshake and one request",
  path: "/small",
  connections: 0,
  shape: `${RATE} new connections/s`,
  per: "connection",
  bar: 1.7,
  load: (target) => runH2load(target, "/small", { rate: RATE }),
};

/** What a new TLS connection costs. */
export const handshakes: Scenario = {
  name: "handshakes",
  summary: "CPU time of a new TLS 1.3 connection with a full handshake and one request",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 9, seconds: 6 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const certificate = makeCertificate(folderFor(bench, "certificate"), "shop");
  await using field = await startField(bench, { certificate });
  const tickets = await ticketsOf(field);
  const runs = await measureCpu(bench, field, CONNECTION);
  if (!bench.options.quick) for (const [name, all] of Object.entries(runs)) mustKeepUp(name, all);
  return {
    tables: [cpuTable(CONNECTION, runs)],
    verdicts: [cpuVerdict(CONNECTION, runs)],
    method: [
      ...tlsMethod("h2load"),
      `h2load opens ${RATE} connections a second, whatever the answers do: TCP, a full handshake with the proxy's ECDSA signature, one request, close. It never resumes a session. Tickets that each proxy hands out all the same, by default: ${tickets}.`,
    ],
    configs: field.configs,
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: { [CONNECTION.what]: runs },
  };
}

/** To hand out tickets is work: those that are compared must do the same. */
async function ticketsOf({ peers }: Field): Promise<string> {
  const counts = new Map<PeerName, number>();
  for (const [name, { port }] of peers) counts.set(name, (await shakeHands(port, "http/1.1")).tickets);
  const [torana, nginx] = [counts.get("torana"), counts.get("nginx")];
  must(
    torana === undefined || nginx === undefined || torana === nginx,
    `torana hands out ${torana} tickets for a connection, nginx ${nginx}: this is not the same work`,
  );
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}

/** All must be measured at the same rate. */
function mustKeepUp(name: string, runs: CpuRuns[PeerName] = []): void {
  for (const { requestsPerSecond } of runs)
    must(
      requestsPerSecond > 0.9 * RATE,
      `${name} was asked for ${requestsPerSecond.toFixed(0)} connections/s instead of ${RATE}: is the load's core busy?`,
    );
}
