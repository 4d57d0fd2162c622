import { readFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../lib/failure.ts";
import { folderFor, startPeer, verifyAll } from "../lib/field.ts";
import type { PeerName } from "../lib/peer.ts";
import { freePorts } from "../lib/ports.ts";
import { launch, type Program, pause } from "../lib/process.ts";
import { type Cause, DOUBT_MS, type Settled, settleAccounts } from "../lib/restart-account.ts";
import { RestartClient } from "../lib/restart-client.ts";
import { ROOT } from "../lib/root.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";

const RATE = 500;
const DOWN_MS = 1_000;

interface RestartRun extends Settled {
  readonly config: string;
}

type Runs = Partial<Record<PeerName, RestartRun>>;

/** What clients notice when one of two endpoints is killed and comes back, again and again. */
export const restart: Scenario = {
  name: "restart",
  summary: "client errors while one of two endpoints is killed and restarted",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 10, seconds: 3 },
  quick: { rounds: 2, seconds: 2 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const runs: Runs = {};
  await verifyAll(bench);
  bench.progress.expect(bench.peers.length * bench.rounds);
  for (const name of bench.peers) runs[name] = await restartRun(bench, name);
  const entries = Object.entries(runs);
  return {
    tables: [restartTable(runs)],
    verdicts: verdicts(runs),
    method: [
      `Two endpoints (node:http, 20 ms of work a request), ${RATE} requests/s through the proxy, three GET to one POST. One endpoint is killed with SIGKILL, stays away for ${DOWN_MS / 1_000} s and serves again for ${bench.seconds} s, ${bench.rounds} times; proxies one after the other.`,
      "The killed endpoint notes each request as it begins it, and as it has answered it, in a file that outlives it. A failed request counts as begun when the endpoint had begun and not answered it.",
      `In doubt: a POST that was under way within ${DOUBT_MS} ms after a kill without having been begun; the gateway cannot know whether it arrived, so it must not repeat it. Every other failure is the proxy's own, and the bar is none.`,
      "A POST that both endpoints, or two lives of one, have begun was repeated by the proxy: what it does would be done twice, and the bar is none.",
      "A whole answer has status 200 and its own request's id as body.",
    ],
    configs: Object.fromEntries(entries.map(([name, one]) => [name, one.config])),
    raw: runs,
  };
}

async function restartRun(bench: Bench, name: PeerName): Promise<RestartRun> {
  const ports = await freePorts(2);
  const folder = folderFor(bench, `endpoints-${name}`);
  const logs = ports.map((port) => join(folder, `${port}.log`));
  const start = (index: number): Promise<Program> => startService(bench, ports[index]!, logs[index]!);
  let killed = await start(0);
  await using stays = await start(1);
  await using peer = await startPeer(bench, name, ports);
  const client = new RestartClient(peer.port, RATE);
  const kills: number[] = [];
  try {
    for (let round = 1; round <= bench.rounds; round += 1) {
      bench.progress.now(`${name}: restart ${round} of ${bench.rounds}`);
      await pause(bench.seconds * 1_000);
      kills.push(Date.now());
      await killed.stop("SIGKILL");
      await pause(DOWN_MS);
      killed = await start(0);
      bench.progress.step();
    }
    await pause(bench.seconds * 1_000);
  } finally {
    await client.stop();
    await killed.stop("SIGKILL");
  }
  peer.program.assertAlive();
  stays.assertAlive();
  const [log = "", otherLog = ""] = logs.map((file) => readFileSync(file, "utf8"));
  const evidence = { log, otherLog, kills, restarted: String(ports[0]) };
  const config = peer.config.replaceAll(bench.folder, "…");
  const settled = settleAccounts(client.accounts, evidence);
  must(settled.begunAndLost > 0, `${name}: no kill met a request on the endpoint, so nothing was tested`);
  return { ...settled, config };
}

function startService(bench: Bench, port: number, log: string): Promise<Program> {
  const args = [join(ROOT, "bench/load/service.ts"), String(port), log];
  return launch({
    name: "service",
    command: process.execPath,
    args,
    core: bench.options.loadCore,
    ready: port,
  });
}

function restartTable(runs: Runs): Table {
  const count = (one: RestartRun, cause: Cause): string =>
    String(one.failures.filter((failure) => failure.cause === cause).length);
  const kinds = (one: RestartRun): string => {
    const found = Map.groupBy(one.failures, ({ method, failure }) => `${method} ${failure}`);
    return [...found].map(([kind, all]) => `${all.length} × ${kind}`).join(", ") || "–";
  };
  return {
    title: "Client-visible failures",
    head: [
      "proxy",
      "requests",
      "begun and lost",
      "failed: begun",
      "in doubt",
      "other",
      "POSTs repeated",
      "answered by the restarted",
      "kinds",
    ],
    rows: Object.entries(runs).map(([name, one]) => [
      name,
      String(one.requests),
      String(one.begunAndLost),
      count(one, "begun"),
      count(one, "in doubt"),
      `**${count(one, "other")}**`,
      String(one.repeatedPosts.length),
      String(one.answeredByRestarted),
      kinds(one),
    ]),
  };
}

function verdicts({ torana }: Runs): Verdict[] {
  const unexplained = torana?.failures.filter(({ cause }) => cause === "other").length;
  const repeated = torana?.repeatedPosts.length;
  return [
    {
      what: "failures that no endpoint's death explains",
      measured: unexplained,
      bar: 0,
      unit: "",
      digits: 0,
    },
    { what: "POSTs repeated though they were begun", measured: repeated, bar: 0, unit: "", digits: 0 },
  ];
}
