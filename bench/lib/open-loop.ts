import { must } from "./failure.ts";
import { startLoadProgram } from "./load-program.ts";
import { type Cores, type Noise, watchCore } from "./noise.ts";

/** An order to bench/load/open-loop.ts. */
export interface OpenLoopJob {
  readonly port: number;
  /** The request's bytes, one char each. */
  readonly request: string;
  /** Requests a second. */
  readonly rate: number;
  readonly connections: number;
  /** Seconds at the same rate before latencies count. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Its answer; times are in microseconds, from the moment when a request was due to the end of its answer. */
export interface OpenLoopResult {
  readonly requests: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** How long after its due time the generator came to a request: its own part of the latency. */
  readonly lateP50: number;
  readonly lateP99: number;
  readonly lateMax: number;
  readonly mostInFlight: number;
  /** Connections made anew because the proxy closed them between requests. */
  readonly reconnects: number;
  /** What went wrong, and how often. */
  readonly problems: Readonly<Record<string, number>>;
}

/** The request of a browser, as in browser.lua. */
export const BROWSER_REQUEST: string = [
  "GET /small HTTP/1.1",
  "Host: 127.0.0.1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.7",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Referer: https://shop.example/catalog/list?page=3",
  "Cookie: session=3f1c9a52e7d84b06a1f5c2d9e8b7a640; consent=all; theme=dark; cart=8841-2210-7735; visitor=GA1.2.1183320467.1752316800; region=eu-central-1; experiment=checkout-b; last_seen=1752402345; tz=Europe%2FBerlin",
  "Cache-Control: max-age=0",
  "Upgrade-Insecure-Requests: 1",
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "",
  "",
].join("\r\n");

// Few and short pauses for garbage: the loop itself allocates a little on each of its many turns.
const NODE_OPTIONS = ["--min-semi-space-size=128", "--max-semi-space-size=128", "--single-threaded-gc"];

/** A result, and how quiet the machine was. */
export interface OpenLoopRun extends OpenLoopResult {
  readonly noise: Noise;
}

/** Where a run takes place: the cores, and the processes that belong there beside the generator. */
export interface Place {
  readonly cores: Cores;
  readonly proxyPids: readonly number[];
  readonly loadPids: readonly number[];
}

/** Runs the generator once, in a process of its own; throws when a request failed. */
export async function runOpenLoop(what: string, place: Place, job: OpenLoopJob): Promise<OpenLoopRun> {
  const result = await runOpenLoopAnyway(place, job);
  const problems = Object.entries(result.problems).map(([problem, times]) => `${problem} (${times} ×)`);
  must(problems.length === 0, `${what}: ${problems.join(", ")}`);
  must(result.requests > 0, `${what}: nothing was measured`);
  return result;
}

/** The same, where requests that fail are a part of the result. */
export async function runOpenLoopAnyway(place: Place, job: OpenLoopJob): Promise<OpenLoopRun> {
  const { cores, proxyPids, loadPids } = place;
  await using generator = await startLoadProgram({
    file: "open-loop.ts",
    core: cores.loadCore,
    spareTimeOnly: true,
    nodeOptions: NODE_OPTIONS,
  });
  const proxyCore = watchCore(cores.proxyCore, proxyPids);
  const loadCore = watchCore(cores.loadCore, [...loadPids, generator.program.pid]);
  const result = await generator.order<OpenLoopResult>(job, (job.warmUpSeconds + job.seconds + 15) * 1_000);
  return { ...result, noise: { proxyCore: proxyCore(), loadCore: loadCore() } };
}
