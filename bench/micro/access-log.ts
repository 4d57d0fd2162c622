/**
 * The CPU time that one line of the access log costs the thread that serves: `node bench/micro/access-log.ts`. Bar: below 1.5 µs for the
 * usual line of JSON, with its share of buffering and writing to /dev/null.
 */

import { systemClock } from "../../src/lib/clock.ts";
import { LineFiles } from "../../src/observe/line-files.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import type { PolicyEnv, PolicySteps } from "../../src/pipeline/policy.ts";
import { accessLog } from "../../src/policies/access-log.ts";
import { memoryGateway } from "../../src/testing/index.ts";

const BAR = 1_500;
const ROUNDS = 15;
const LINES = 100_000;
const BATCH = 1_000;

const CASES: readonly { readonly name: string; readonly options: object }[] = [
  { name: "JSON, the usual fields", options: {} },
  { name: "JSON, two header fields more", options: { request: ["accept"], response: ["content-type"] } },
  {
    name: "text, as nginx's combined",
    options: { template: '${client} - - [${time}] "${method} ${path}" ${status} ${bytes} "${userAgent}"' },
  },
  { name: "sampled at 1 %", options: { sample: 0.01 } },
];

/** Each exchange is of another browser than the one before, so that nothing is remembered from line to line. */
const AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1NN.0 Safari/537.36";

const FIELDS = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-encoding": "gzip, deflate, br, zstd",
  "accept-language": "de,en-US;q=0.7,en;q=0.3",
  "cache-control": "no-cache",
};

async function exchanges(): Promise<Exchange[]> {
  const gateway = memoryGateway({ policies: [] });
  const all: Exchange[] = [];
  for (let i = 0; i < 64; i++)
    all.push(
      (
        await gateway.send({
          target: `/orders/${i}?page=2`,
          fields: { "user-agent": AGENT.replace("NN", `${i + 10}`), ...FIELDS },
        })
      ).exchange,
    );
  return all;
}

function logStep(options: object, files: LineFiles): (x: Exchange) => void {
  const env = {
    owner: "bench",
    clock: systemClock,
    random: Math.random,
    slot: () => ({ get: () => undefined, set: () => undefined }),
    lines: (target: string) => files.open(target),
  } as unknown as PolicyEnv;
  const read = accessLog.options.parse({ to: "/dev/null", ...options });
  return (accessLog.compile(read, env) as PolicySteps).log!;
}

const all = await exchanges();
const files = new LineFiles();
const runs = CASES.map(({ name, options }) => ({
  name,
  log: logStep(options, files),
  times: [] as number[],
}));
for (let round = 0; round < ROUNDS; round++)
  for (const { log, times } of runs) {
    const began = process.threadCpuUsage();
    for (let done = 0; done < LINES; done += BATCH) {
      for (let i = 0; i < BATCH; i++) log(all[i & 63]!);
      await new Promise((resume) => setTimeout(resume, 1)); // what was written leaves memory
    }
    const { user, system } = process.threadCpuUsage(began);
    times.push(((user + system) * 1_000) / LINES);
  }
for (const { name, times } of runs) {
  const sorted = times.sort((a, b) => a - b);
  const median = sorted[ROUNDS >> 1]!;
  const spread = `${sorted[0]!.toFixed(0)}–${sorted[ROUNDS - 1]!.toFixed(0)}`;
  console.log(`${name.padEnd(32)} ${median.toFixed(0).padStart(6)} ns  (${spread})`);
}
if (files.dropped > 0) console.log(`${files.dropped} lines were dropped`);
process.exitCode = runs[0]!.times[ROUNDS >> 1]! < BAR ? 0 : 1;
