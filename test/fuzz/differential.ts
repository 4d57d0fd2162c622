/**
 * Reads random streams with our readers and with llhttp, and compares.
 * `node test/fuzz/differential.ts --count 1000000 --seed 1 --write`
 */
import { parseArgs } from "node:util";
import { Progress } from "../../bench/lib/progress.ts";
import { fuzz } from "./fuzz.ts";
import { toText, writeReport } from "./report.ts";

const USAGE = `Usage: npm run fuzz -- [options]

  --count N   inputs (default 100000)
  --seed N    the same seed makes the same inputs (default: by the clock)
  --write     write bench/results/fuzz.md

Exit status: 0 no defect, 1 a defect, 2 not run.`;

const STEPS = 100;

function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  console.error(`${text} is not a whole number\n\n${USAGE}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    count: { type: "string" },
    seed: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const count = whole(values.count, 100_000);
const seed = whole(values.seed, Date.now() % 1_000_000_000);
const progress = new Progress("fuzz");
progress.expect(STEPS);
progress.now(`seed ${seed}`);
const started = performance.now();
let steps = 0;
const tally = await fuzz(count, seed, (done) => {
  for (; steps < Math.floor((done / count) * STEPS); steps++) progress.step();
  if (process.stderr.isTTY) progress.now(`${done} inputs, seed ${seed}`);
});
progress.clear();
const command = `node test/fuzz/differential.ts --count ${count} --seed ${seed}${values.write ? " --write" : ""}`;
const run = { count, seed, seconds: (performance.now() - started) / 1_000, command };
console.log(toText(tally, run));
if (values.write) console.log(`\nwritten to ${writeReport(tally, run)}`);
process.exitCode = tally.failed ? 1 : 0;
