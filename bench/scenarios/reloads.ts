import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { heapsOf, type Isolate, probeEnv } from "../lib/heap-probe.ts";
import { PingedSockets } from "../lib/pinged-sockets.ts";
import { freePorts } from "../lib/ports.ts";
import { memoryOf } from "../lib/proc.ts";
import { launch, pause } from "../lib/process.ts";
import { RestartClient } from "../lib/restart-client.ts";
import { ROOT } from "../lib/root.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median } from "../lib/stats.ts";

const RATE = 200;
const SOCKETS = 20;
const POLICY_EVERY = 10;
/** The share of the reloads after which memory is read for the first time: 100 of 1,000. */
const FIRST_SHARE = 10;

/** Memory at one moment, garbage collected. */
interface Reading {
  readonly reloads: number;
  readonly resident: number;
  readonly heaps: Readonly<Record<string, Isolate>>;
  readonly policyVersions: number;
}

interface Found {
  readonly first: Reading;
  readonly last: Reading;
  /** Milliseconds from write to serving. */
  readonly times: readonly number[];
  readonly requests: number;
  readonly failures: readonly string[];
  readonly pings: number;
  readonly unanswered: number;
  readonly dropped: readonly string[];
}

/** What many reloads leave behind, and what clients notice of them. */
export const reloads: Scenario = {
  name: "reloads",
  summary: "1,000 reloads under load, with WebSockets open",
  peers: ["torana"],
  full: { rounds: 1_000, seconds: 5 },
  quick: { rounds: 50, seconds: 2 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [servicePort = 0] = await freePorts(1);
  await using service = await launch({
    name: "service",
    command: process.execPath,
    args: [join(ROOT, "bench/load/socket-service.ts"), String(servicePort)],
    core: bench.options.loadCore,
    ready: servicePort,
  });
  const folder = folderFor(bench, "gateway");
  const probe = folderFor(bench, "heap");
  writeFileSync(join(folder, "policy.ts"), policyText(0));
  await using gateway = await startBenchGateway({
    folder,
    core: bench.options.proxyCore,
    workers: 1,
    config: configOf(servicePort, 0),
    env: probeEnv(probe),
  });
  const found = await measure(bench, gateway, servicePort, probe);
  service.assertAlive();
  return {
    tables: [traffic(found), memory(found)],
    verdicts: verdicts(found),
    method: method(bench),
    configs: { torana: JSON.stringify(configOf(servicePort, 1), undefined, 1), "policy.ts": policyText(1) },
    raw: found,
  };
}

function method(bench: Bench): string[] {
  return [
    `${bench.rounds} reloads, one after the other, each when the one before serves; each changes a route's policy and path and a service's timeout, every ${POLICY_EVERY}th the text of a user's policy file. 1 worker.`,
    `Load: ${RATE} requests/s, three GET to one POST, over the route that changes; each answer must be status 200 with its own request's id.`,
    `${SOCKETS} WebSockets stay open over all reloads, half of them over the route that changes, half over one that does not, and are pinged every 0.5 s; each pong must carry its ping's number.`,
    `Memory is read after a tenth of the reloads and after the last, ${bench.seconds} s after a reload, when the thread that reads configs has ended; each thread is told to collect garbage before. Heap: live bytes and external memory of a thread; the thread that grew most counts.`,
    "Growth a policy version: all growth of the worker's live heap between the readings ÷ versions loaded between them; V8 keeps the code of each version.",
  ];
}

function configOf(servicePort: number, edition: number): object {
  const service = (response: number): object => ({
    endpoints: [`http://127.0.0.1:${servicePort}`],
    timeouts: { response },
  });
  const mark = { headers: { request: { set: { "x-edition": String(edition) } } } };
  return {
    routes: [
      {
        name: "changing",
        match: [{ path: "/job" }, { path: "/changing/*" }, { path: `/edition-${edition}` }],
        service: "changing",
        policies: [mark, { "./policy.ts": {} }],
      },
      { name: "steady", match: { path: "/steady/*" }, service: "steady" },
    ],
    services: { changing: service(20_000 + edition), steady: service(20_000) },
  };
}

function policyText(version: number): string {
  return `import { definePolicy, z } from "torana";

export const mark = definePolicy({
  name: "mark",
  phase: "request",
  options: z.strictObject({}),
  compile: () => (x) => {
    x.outgoing.fields.set("x-policy-version", "${version}");
    return undefined;
  },
});
`;
}

async function measure(
  bench: Bench,
  gateway: BenchGateway,
  servicePort: number,
  probe: string,
): Promise<Found> {
  using sockets = new PingedSockets();
  const paths = Array.from({ length: SOCKETS }, (_, i) =>
    i % 2 === 0 ? "/changing/socket" : "/steady/socket",
  );
  await sockets.open(gateway.port, paths);
  const client = new RestartClient(gateway.port, RATE);
  const times: number[] = [];
  const firstAt = Math.ceil(bench.rounds / FIRST_SHARE);
  const readings: Reading[] = [];
  bench.progress.expect(bench.rounds);
  try {
    for (let edition = 1; edition <= bench.rounds; edition += 1) {
      if (edition % 25 === 1) bench.progress.now(`reload ${edition} of ${bench.rounds}`);
      const policy = edition % POLICY_EVERY === 0 ? { "policy.ts": policyText(edition) } : {};
      const config = gateway.textOf(configOf(servicePort, edition));
      times.push(await gateway.replace(config, policy));
      if (edition === firstAt || edition === bench.rounds)
        readings.push(await read(bench, gateway, probe, readings.length + 1, edition));
      bench.progress.step();
    }
  } finally {
    await client.stop();
  }
  gateway.program.assertAlive();
  const unanswered = await sockets.stop();
  const [first, last] = readings;
  must(first !== undefined && last !== undefined, "two reloads at least are needed");
  const failures = client.accounts.flatMap(({ method, failure }) =>
    failure === undefined ? [] : [`${method} ${failure}`],
  );
  const { pings, dropped } = sockets;
  return { first, last, times, requests: client.accounts.length, failures, pings, unanswered, dropped };
}

async function read(
  bench: Bench,
  gateway: BenchGateway,
  probe: string,
  question: number,
  reloads: number,
): Promise<Reading> {
  await pause(Math.max(3, bench.seconds) * 1_000);
  const heaps = await heapsOf(probe, question);
  const { resident } = memoryOf(gateway.pid);
  const metrics = (await gateway.admin("/metrics")).body.toString("utf8");
  const [, versions] = /^torana_user_policy_versions\{.*\} (\d+)$/m.exec(metrics) ?? [];
  return { reloads, resident, heaps, policyVersions: Number(versions ?? Number.NaN) };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const bytesOf = ({ used, external }: Isolate): number => used + external;

function threadsOf({ first, last }: Found): { name: string; before: number; after: number }[] {
  return Object.entries(first.heaps).flatMap(([thread, before]) => {
    const after = last.heaps[thread];
    if (after === undefined) return [];
    const name = thread === "0" ? "main thread" : `worker (thread ${thread})`;
    return [{ name, before: bytesOf(before), after: bytesOf(after) }];
  });
}

function traffic({ times, requests, failures, pings, unanswered, dropped }: Found): Table {
  const kinds = [...Map.groupBy([...failures, ...dropped], (kind) => kind)].map(
    ([kind, all]) => `${all.length} × ${kind}`,
  );
  return {
    title: `${times.length} reloads`,
    head: [
      "requests",
      "failed",
      "pings",
      "unanswered",
      "sockets dropped",
      "serves after ms: median, longest",
    ],
    rows: [
      [
        String(requests),
        String(failures.length),
        String(pings),
        String(unanswered),
        String(dropped.length),
        `${median(times).toFixed(0)}, ${Math.max(...times).toFixed(0)}`,
      ],
    ],
    notes: kinds.length > 0 ? [kinds.join(", ")] : [],
  };
}

function memory(found: Found): Table {
  const { first, last } = found;
  const row = (name: string, before: number, after: number): string[] => [
    name,
    mebibytes(before),
    mebibytes(after),
    (after / before).toFixed(3),
  ];
  const rows = threadsOf(found).map(({ name, before, after }) => row(`live heap, ${name}`, before, after));
  const versions = last.policyVersions - first.policyVersions;
  const worker = threadsOf(found).find(({ name }) => name.startsWith("worker"));
  const grown =
    worker === undefined || versions === 0 ? undefined : (worker.after - worker.before) / versions;
  return {
    title: `Memory (MiB) after ${first.reloads} and ${last.reloads} reloads`,
    head: ["what", `after ${first.reloads}`, `after ${last.reloads}`, "×"],
    rows: [row("RSS", first.resident, last.resident), ...rows],
    notes: [
      `Policy versions in memory: ${first.policyVersions}, then ${last.policyVersions}; growth of the worker's heap a version: ${grown === undefined ? "–" : `${(grown / 1024).toFixed(1)} KiB`}.`,
    ],
  };
}

function verdicts(found: Found): Verdict[] {
  const { first, last, failures, dropped, unanswered } = found;
  const threads = threadsOf(found).map(({ before, after }) => after / before);
  const count = { bar: 0, unit: "", digits: 0 };
  return [
    { what: "failed requests", measured: failures.length, ...count },
    { what: "dropped WebSockets", measured: dropped.length + (unanswered > 0 ? 1 : 0), ...count },
    { what: "RSS after the last reload", measured: last.resident / first.resident, bar: 1.2, unit: " ×" },
    { what: "live heap after the last reload", measured: Math.max(...threads), bar: 1.1, unit: " ×" },
  ];
}
