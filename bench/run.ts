/** `npm run bench -- NAME [options]`: measures one scenario, or all, and says how the bars were met. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchFailure, must } from "./lib/failure.ts";
import { describeMachine } from "./lib/machine.ts";
import { disturbance } from "./lib/noise.ts";
import { OPTIONS_HELP, type Options, parseOptions } from "./lib/options.ts";
import { Progress } from "./lib/progress.ts";
import { judge, type Report, toText, writeReport } from "./lib/report.ts";
import type { Bench, Extent, Outcome, Scenario } from "./lib/scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const USAGE = `Usage: npm run bench -- NAME [options]

${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(16)}  ${summary}`).join("\n")}
  all               everything in turn

${OPTIONS_HELP}

Exit status: 0 all bars met, 1 a bar missed, 2 not measured.`;

async function measure(scenario: Scenario, options: Options): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "torana-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", remove); // after a signal
  const progress = new Progress(scenario.name);
  const extent: Extent = options.quick ? scenario.quick : scenario.full;
  const peers = scenario.peers.filter((name) => options.only?.includes(name) ?? true);
  must(peers.length > 0, `${scenario.name} knows ${scenario.peers.join(", ")} only`);
  const bench: Bench = {
    options,
    peers,
    folder,
    progress,
    rounds: options.rounds ?? extent.rounds,
    seconds: options.seconds ?? extent.seconds,
  };
  const machine = describeMachine();
  try {
    const outcome = await scenario.run(bench);
    const { name, summary } = scenario;
    const reservation = reservationOf(scenario, bench, outcome);
    return {
      name,
      summary,
      bench,
      outcome,
      machine,
      date: new Date().toISOString(),
      command: command(name),
      reservation,
    };
  } finally {
    progress.clear();
    remove();
    process.off("exit", remove);
  }
}

function reservationOf(scenario: Scenario, bench: Bench, { noise }: Outcome): string | undefined {
  if (bench.options.quick) return "quick";
  if (bench.peers.length < scenario.peers.length) return "partial";
  if (bench.rounds < scenario.full.rounds || bench.seconds < scenario.full.seconds) return "shortened";
  if (noise && disturbance(noise) > 0.05) return "disturbed";
  return undefined;
}

function command(name: string): string {
  const given = process.argv
    .slice(2)
    .filter((word) => !SCENARIOS.some((one) => one.name === word) && word !== "all");
  return ["npm run bench --", name, ...given].join(" ");
}

async function main(): Promise<number> {
  const { names, options } = parseOptions(process.argv.slice(2));
  if (names.length === 0) {
    console.log(USAGE);
    return 2;
  }
  const chosen = names.includes("all") ? SCENARIOS : names.map(find);
  let worst = 0;
  for (const scenario of chosen) {
    try {
      const report = await measure(scenario, options);
      console.log(toText(report));
      const write = report.reservation === undefined || options.write;
      console.log(write ? `written to ${writeReport(report)}` : `a ${report.reservation} run: not written`);
      if (report.outcome.verdicts.some((verdict) => judge(verdict) === "SHORT")) worst = Math.max(worst, 1);
    } catch (error) {
      if (!(error instanceof BenchFailure)) throw error;
      console.error(`${scenario.name}: NOT MEASURED: ${error.message}`);
      worst = 2;
    }
  }
  return worst;
}

function find(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  must(scenario !== undefined, `there is no scenario ${name}\n\n${USAGE}`);
  return scenario;
}

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BenchFailure)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
