import { must } from "../lib/failure.ts";
import { folderFor, startField, startPeer } from "../lib/field.ts";
import { heapsOf, probeEnv } from "../lib/heap-probe.ts";
import type { IdleAnswer, IdleOrder } from "../lib/idle.ts";
import { type LoadProgram, startLoadProgram } from "../lib/load-program.ts";
import { BROWSER_REQUEST } from "../lib/open-loop.ts";
import type { PeerName, RunningPeer } from "../lib/peer.ts";
import { type Memory, memoryOf } from "../lib/proc.ts";
import { pause } from "../lib/process.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, spread } from "../lib/stats.ts";

const FEW = 2_000;
const MANY = 18_000;
const WISHES = { connections: MANY + 500, idleSeconds: 3_600 };

/** Memory of one proxy process with few, then with many idle connections. */
interface IdleRun {
  readonly empty: Memory;
  readonly few: Memory;
  readonly many: Memory;
  /** Bytes a connection between few and many. */
  readonly residentEach: number;
  readonly privateDirtyEach: number;
}

type Runs = Partial<Record<PeerName, IdleRun[]>>;

/** What an idle keep-alive connection costs in memory. */
export const idle: Scenario = {
  name: "idle",
  summary: "memory of idle keep-alive connections",
  peers: ["torana", "nginx"],
  full: { rounds: 5, seconds: 20 },
  quick: { rounds: 1, seconds: 3 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench, WISHES);
  const { upstreamPort } = field;
  const runs: Runs = await alternate({
    bench,
    what: "idle connections",
    names: bench.peers,
    warmUp: false,
    run: (name) => idleRun(bench, name, upstreamPort),
  });
  const heap = bench.peers.includes("torana") ? await heapEach(bench, upstreamPort) : undefined;
  return {
    tables: [idleTable(runs, heap)],
    verdicts: [verdict(runs, heap)],
    method: method(bench),
    configs: field.configs,
    raw: { runs, heapBytesEach: heap },
  };
}

function method(bench: Bench): string[] {
  return [
    `Each run starts the proxy anew and opens ${FEW}, then ${MANY} keep-alive connections from several addresses of 127.0.0.0/8; each connection asks once, with a browser's request, and stays.`,
    `After each step ${bench.seconds} s of light traffic (50 requests/s over the held connections) and 2 s of rest pass before memory is read; nobody asks the proxy to collect garbage. All connections were still open at the second reading.`,
    `Bytes each = (memory with ${MANY} − memory with ${FEW}) ÷ ${MANY - FEW}; what a proxy sets aside at its start (nginx: its table of connections) is therefore not in it, nor is the kernel's memory for sockets.`,
    "The idle timeout of the proxies was raised to an hour, and nginx's worker_connections, so that they hold so many; the rest is as in `peers`. HAProxy is left out: it wants two files for each connection that it may hold.",
    "The heap of Torana comes from another process that is told to collect garbage before each reading: live bytes. The larger of RSS and live heap is held against the bar.",
  ];
}

async function idleRun(bench: Bench, name: PeerName, upstreamPort: number): Promise<IdleRun> {
  await using peer = await startPeer(bench, name, [upstreamPort], WISHES);
  await using clients = await startClients(bench);
  const empty = memoryOf(peer.pid);
  await hold(clients, peer, FEW, bench.seconds);
  const few = memoryOf(peer.pid);
  await hold(clients, peer, MANY, bench.seconds);
  const many = memoryOf(peer.pid);
  await hold(clients, peer, MANY, 1);
  const each = (key: keyof Memory): number => (many[key] - few[key]) / (MANY - FEW);
  return { empty, few, many, residentEach: each("resident"), privateDirtyEach: each("privateDirty") };
}

function startClients(bench: Bench): Promise<LoadProgram> {
  return startLoadProgram({ file: "idle-clients.ts", core: bench.options.loadCore, files: MANY + 1_000 });
}

async function hold(
  clients: LoadProgram,
  peer: RunningPeer,
  connections: number,
  rippleSeconds: number,
): Promise<void> {
  const order: IdleOrder = { port: peer.port, request: BROWSER_REQUEST, connections, rippleSeconds };
  const { held, problems } = await clients.order<IdleAnswer>(order, (rippleSeconds + 120) * 1_000);
  peer.program.assertAlive();
  const found = JSON.stringify(problems);
  must(
    found === "{}" && held === connections,
    `${peer.name} holds ${held} of ${connections} connections: ${found}`,
  );
  await pause(2_000);
}

/** Live heap and external bytes a connection, from a gateway with the probe inside. */
async function heapEach(bench: Bench, upstreamPort: number): Promise<number> {
  bench.progress.now("heap of torana");
  const folder = folderFor(bench, "heap");
  const env = probeEnv(folder);
  await using peer = await startPeer(bench, "torana", [upstreamPort], { ...WISHES, env });
  await using clients = await startClients(bench);
  await hold(clients, peer, FEW, 1);
  const few = await heapOf(folder, 1);
  await hold(clients, peer, MANY, 1);
  const many = await heapOf(folder, 2);
  return (many - few) / (MANY - FEW);
}

async function heapOf(folder: string, question: number): Promise<number> {
  const threads = Object.values(await heapsOf(folder, question));
  return threads.reduce((sum, { used, external }) => sum + used + external, 0);
}

function idleTable(runs: Runs, heap: number | undefined): Table {
  const mebibytes = (all: readonly number[]): string => (median(all) / 2 ** 20).toFixed(1);
  return {
    title: `Idle connections: ${FEW} → ${MANY}`,
    head: [
      "proxy",
      "RSS bytes each: median (min–max)",
      "Private_Dirty bytes each",
      "RSS MiB: none",
      String(FEW),
      String(MANY),
    ],
    rows: Object.entries(runs).map(([name, all]) => {
      const { min, median: middle, max } = spread(all.map((one) => one.residentEach));
      return [
        name,
        `**${middle.toFixed(0)}** (${min.toFixed(0)}–${max.toFixed(0)})`,
        median(all.map((one) => one.privateDirtyEach)).toFixed(0),
        mebibytes(all.map((one) => one.empty.resident)),
        mebibytes(all.map((one) => one.few.resident)),
        mebibytes(all.map((one) => one.many.resident)),
      ];
    }),
    notes:
      heap === undefined ? [] : [`Torana's live heap and external memory: ${heap.toFixed(0)} bytes each.`],
  };
}

/** The larger of both counts: garbage that was there with few connections can hide growth from RSS, not from the heap. */
function verdict({ torana }: Runs, heap: number | undefined): Verdict {
  const base = { what: "memory of an idle connection", bar: 4_096, unit: " B", digits: 0 };
  if (!torana || heap === undefined) return { ...base, measured: undefined };
  const resident = median(torana.map((one) => one.residentEach));
  const note = `RSS ${resident.toFixed(0)}, live heap ${heap.toFixed(0)}`;
  return { ...base, measured: Math.max(resident, heap), note };
}
