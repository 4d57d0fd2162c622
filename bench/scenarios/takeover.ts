import { type BenchGateway, type BenchGatewaySpec, startBenchGateway } from "../lib/bench-gateway.ts";
import type { ChurnAnswer, ChurnOrder } from "../lib/churn.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { startLoadProgram } from "../lib/load-program.ts";
import { setMigrate } from "../lib/migrate-setting.ts";
import { freePorts } from "../lib/ports.ts";
import { pause } from "../lib/process.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median } from "../lib/stats.ts";
import { startUpstream } from "../peers/upstream.ts";

const AT_ONCE = 16;
const WORKERS = 2;
/** Connections of which one may be lost where the kernel does not migrate. */
const ONE_IN = 50_000;

interface Half extends ChurnAnswer {
  readonly takeovers: number;
  /** Milliseconds from the start of the new process until it serves alone. */
  readonly times: readonly number[];
}

/** What becomes of new connections while one process takes over from another, again and again. */
export const takeover: Scenario = {
  name: "takeover",
  summary: "lost connections while a new process takes over",
  peers: ["torana"],
  full: { rounds: 20, seconds: 2 },
  quick: { rounds: 3, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore, proxyCore } = bench.options;
  await using _upstream = await startUpstream({
    folder: folderFor(bench, "upstream"),
    port: upstreamPort,
    core: loadCore,
  });
  const config = {
    routes: [{ name: "all", match: { path: "/*" }, service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } },
  };
  const spec = { folder: folderFor(bench, "gateway"), core: proxyCore, workers: WORKERS, config };
  const without = await halfWith(bench, spec, "0");
  const migrating = await halfWith(bench, spec, "1");
  must(without !== undefined || migrating !== undefined, "net.ipv4.tcp_migrate_req cannot be read here");
  return {
    tables: [table({ "tcp_migrate_req=0": without, "tcp_migrate_req=1": migrating })],
    verdicts: verdicts(without, migrating),
    method: [
      `${bench.rounds} takeovers for each setting of net.ipv4.tcp_migrate_req, ${bench.seconds} s apart; old and new process, ${WORKERS} workers each, share the proxy's core. The setting is put back afterwards; where it may not be changed, only the half that it stands at is measured.`,
      `${AT_ONCE} clients open a connection, send one request, read the answer to its end and begin again, as fast as they are answered. Lost: a connection that was refused or reset, or that gave no whole answer with status 200.`,
      "Time: from the start of the new process until the old one has let go of listeners, admin address and control socket. The old process must then end with exit code 0.",
    ],
    configs: { torana: JSON.stringify(config, undefined, 1) },
    raw: { without, migrating },
  };
}

/** Undefined where the setting cannot be had. */
async function halfWith(bench: Bench, spec: BenchGatewaySpec, migrate: "0" | "1"): Promise<Half | undefined> {
  using setting = setMigrate(migrate);
  if (setting === undefined) return undefined;
  let gateway = await startBenchGateway(spec);
  try {
    await using churn = await startLoadProgram({ file: "churn.ts", core: bench.options.loadCore });
    const order: ChurnOrder = { port: gateway.port, atOnce: AT_ONCE };
    await churn.order<ChurnAnswer>(order, 10_000);
    const times: number[] = [];
    bench.progress.expect(bench.rounds);
    for (let round = 1; round <= bench.rounds; round += 1) {
      bench.progress.now(`tcp_migrate_req=${migrate}: takeover ${round} of ${bench.rounds}`);
      await pause(bench.seconds * 1_000);
      const started = performance.now();
      const next = await gateway.takeover(spec);
      times.push(performance.now() - started);
      await mustEndWell(gateway);
      gateway = next;
      bench.progress.step();
    }
    await pause(500);
    const answer = await churn.order<ChurnAnswer>("stop", 20_000);
    gateway.program.assertAlive();
    return { ...answer, takeovers: bench.rounds, times };
  } finally {
    await gateway.program.stop();
  }
}

async function mustEndWell({ program }: BenchGateway): Promise<void> {
  await program.ended(10_000);
  must(
    program.child.exitCode === 0,
    `the old process ended with ${program.child.exitCode}:\n${program.output}`,
  );
}

function lostIn(half: Half): number {
  return Object.values(half.lost).reduce((sum, count) => sum + count, 0);
}

function table(halves: Readonly<Record<string, Half | undefined>>): Table {
  return {
    title: "Takeovers under connection churn",
    head: ["setting", "takeovers", "connections answered", "lost", "kinds", "takeover ms: median, longest"],
    rows: Object.entries(halves).map(([name, half]) => {
      if (half === undefined) return [name, "not allowed here", "–", "–", "–", "–"];
      const kinds = Object.entries(half.lost).map(([kind, count]) => `${count} × ${kind}`);
      return [
        name,
        String(half.takeovers),
        String(half.answered),
        `**${lostIn(half)}**`,
        kinds.join(", ") || "–",
        `${median(half.times).toFixed(0)}, ${Math.max(...half.times).toFixed(0)}`,
      ];
    }),
  };
}

function verdicts(without: Half | undefined, migrating: Half | undefined): Verdict[] {
  const share = (half: Half): number => (lostIn(half) / (half.answered + lostIn(half))) * ONE_IN;
  return [
    {
      what: "lost connections, tcp_migrate_req=0",
      measured: without && share(without),
      bar: 1,
      unit: ` of ${ONE_IN}`,
    },
    {
      what: "lost connections, tcp_migrate_req=1",
      measured: migrating && lostIn(migrating),
      bar: 0,
      unit: "",
      digits: 0,
    },
  ];
}
