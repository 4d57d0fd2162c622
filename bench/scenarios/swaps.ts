import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { type Certificate, makeCertificate } from "../lib/certificate.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { shakeHands } from "../lib/handshake.ts";
import { heapsOf, type Isolate, probeEnv } from "../lib/heap-probe.ts";
import { freePorts } from "../lib/ports.ts";
import { memoryOf } from "../lib/proc.ts";
import { pause } from "../lib/process.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median } from "../lib/stats.ts";
import { type SwapAccount, SwapClients } from "../lib/swap-clients.ts";
import { startUpstream } from "../peers/upstream.ts";

/** Certificates that are shown in turn, each with a key of its own. */
const CERTIFICATES = 8;
const WORKERS = 2;
/** The share of the swaps after which memory is read for the first time: 100 of 1,000. */
const FIRST_SHARE = 10;
const CERT = "certs/shop.pem";
const KEY = "certs/shop.key";

/** Memory at one moment, garbage collected. */
interface Reading {
  readonly swaps: number;
  readonly resident: number;
  readonly heaps: Readonly<Record<string, Isolate>>;
}

interface Found {
  readonly first: Reading;
  readonly last: Reading;
  /** Milliseconds from the renamed files to a handshake that showed the new certificate. */
  readonly times: readonly number[];
  readonly accounts: Readonly<Record<string, SwapAccount>>;
  readonly resumed: number;
  /** Connections that were closed although they were in use. */
  readonly lost: number;
  /** Reloads that found the new certificate and still the old key. */
  readonly refusals: number;
}

/** What clients notice of certificates that change, and what the changes leave behind. */
export const swaps: Scenario = {
  name: "swaps",
  summary: "1,000 changes of a certificate under load",
  peers: ["torana"],
  full: { rounds: 1_000, seconds: 5 },
  quick: { rounds: 30, seconds: 2 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore, proxyCore } = bench.options;
  const upstreamFolder = folderFor(bench, "upstream");
  await using upstream = await startUpstream({ folder: upstreamFolder, port: upstreamPort, core: loadCore });
  const certificates = Array.from({ length: CERTIFICATES }, (_, index) =>
    makeCertificate(folderFor(bench, "certificates"), `shop-${index}`),
  );
  const folder = folderFor(bench, "gateway");
  const probe = folderFor(bench, "heap");
  layDown(folder, certificates[0]!);
  const config = {
    routes: [{ name: "all", match: { path: "/*" }, service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } },
  };
  const tls = { certificates: [{ cert: CERT, key: KEY }] };
  const spec = { folder, core: proxyCore, workers: WORKERS, config, tls, env: probeEnv(probe) };
  await using gateway = await startBenchGateway(spec);
  const found = await measure(bench, gateway, certificates, probe);
  upstream.assertAlive();
  return {
    tables: [traffic(found), memory(found)],
    verdicts: verdicts(found),
    method: method(bench),
    configs: { torana: JSON.stringify({ listeners: [{ name: "public", tls }], ...config }, undefined, 1) },
    raw: found,
  };
}

function method(bench: Bench): string[] {
  return [
    `${bench.rounds} swaps, one after the other: certificate and key (self-signed, ECDSA P-256, ${CERTIFICATES} pairs in turn) are each written beside the old file and renamed over it, one right after the other. ${WORKERS} workers, which share the proxy's core.`,
    "Time of a swap: from the renames until the log says that all workers serve it; a handshake at that moment must be shown the new certificate.",
    "Load: 16 connections with HTTP/1.1 (160 requests/s) and one with HTTP/2 (20/s) that stay open from the first swap to the last; 50 new connections/s with one request each, a third of which offer a session to resume. A new connection must be shown a certificate that was in force while it was made. Failed: no answer, a status other than 200, a wrong certificate. Lost: a kept connection that was closed.",
    `Memory is read after a tenth of the swaps and after the last, ${bench.seconds} s after a swap; each thread is told to collect garbage before. Heap: live bytes and external memory of a thread; the thread that grew most counts.`,
  ];
}

function textsOf({ text, key }: Certificate): Readonly<Record<string, string>> {
  return { [CERT]: text, [KEY]: readFileSync(key, "utf8") };
}

function layDown(folder: string, certificate: Certificate): void {
  mkdirSync(join(folder, "certs"));
  for (const [name, text] of Object.entries(textsOf(certificate)))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
}

async function measure(
  bench: Bench,
  gateway: BenchGateway,
  certificates: readonly Certificate[],
  probe: string,
): Promise<Found> {
  await using clients = new SwapClients(gateway.port, certificates);
  const times: number[] = [];
  const readings: Reading[] = [];
  const firstAt = Math.ceil(bench.rounds / FIRST_SHARE);
  let shown = certificates[0]!;
  clients.allow(shown);
  clients.start();
  bench.progress.expect(bench.rounds);
  for (let swap = 1; swap <= bench.rounds; swap += 1) {
    if (swap % 25 === 1) bench.progress.now(`swap ${swap} of ${bench.rounds}`);
    const next = certificates[swap % CERTIFICATES]!;
    clients.allow(shown, next);
    times.push(await gateway.replaceFiles(textsOf(next), true));
    clients.allow(next);
    const { fingerprint } = await shakeHands(gateway.port, "http/1.1");
    must(fingerprint === next.fingerprint, `swap ${swap}: a new handshake was shown the certificate before`);
    shown = next;
    if (swap === firstAt || swap === bench.rounds)
      readings.push(await read(bench, gateway, probe, readings, swap));
    bench.progress.step();
  }
  const lost = await clients.stop();
  gateway.program.assertAlive();
  const [first, last] = readings;
  must(first !== undefined && last !== undefined, "two swaps at least are needed");
  const { kept, http2, fresh, resumed } = clients;
  const accounts = { "HTTP/1.1, kept": kept, "HTTP/2, kept": http2, "new connections": fresh };
  return { first, last, times, accounts, resumed, lost, refusals: gateway.refusals };
}

async function read(
  bench: Bench,
  gateway: BenchGateway,
  probe: string,
  before: readonly Reading[],
  swaps: number,
): Promise<Reading> {
  await pause(Math.max(3, bench.seconds) * 1_000);
  const heaps = await heapsOf(probe, before.length + 1);
  return { swaps, resident: memoryOf(gateway.pid).resident, heaps };
}

function failuresOf({ accounts }: Found): string[] {
  return Object.values(accounts).flatMap(({ failures }) => failures);
}

function traffic(found: Found): Table {
  const { accounts, times, resumed, lost, refusals } = found;
  const kinds = [...Map.groupBy(failuresOf(found), (kind) => kind)].map(
    ([kind, all]) => `${all.length} × ${kind}`,
  );
  return {
    title: `${times.length} swaps under load`,
    head: ["clients", "answered", "failed"],
    rows: Object.entries(accounts).map(([name, { answered, failures }]) => [
      name,
      String(answered),
      String(failures.length),
    ]),
    notes: [
      `Kept connections of HTTP/1.1 that were lost: ${lost}. New connections that resumed a session: ${resumed}. Swap: median ${median(times).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms. Reloads that came between the two renames, and were refused: ${refusals}.`,
      ...(kinds.length > 0 ? [kinds.join(", ")] : []),
    ],
  };
}

function threadsOf({ first, last }: Found): { name: string; before: number; after: number }[] {
  const bytesOf = ({ used, external }: Isolate): number => used + external;
  return Object.entries(first.heaps).flatMap(([thread, before]) => {
    const after = last.heaps[thread];
    const name = thread === "0" ? "main thread" : `worker (thread ${thread})`;
    return after === undefined ? [] : [{ name, before: bytesOf(before), after: bytesOf(after) }];
  });
}

function memory(found: Found): Table {
  const { first, last } = found;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const row = (name: string, before: number, after: number): string[] => [
    name,
    mebibytes(before),
    mebibytes(after),
    (after / before).toFixed(3),
  ];
  return {
    title: `Memory (MiB) after ${first.swaps} and ${last.swaps} swaps`,
    head: ["what", `after ${first.swaps}`, `after ${last.swaps}`, "×"],
    rows: [
      row("RSS", first.resident, last.resident),
      ...threadsOf(found).map(({ name, before, after }) => row(`live heap, ${name}`, before, after)),
    ],
  };
}

function verdicts(found: Found): Verdict[] {
  const { first, last, times, lost } = found;
  const threads = threadsOf(found).map(({ before, after }) => after / before);
  const count = { bar: 0, unit: "", digits: 0 };
  return [
    { what: "failed requests", measured: failuresOf(found).length, ...count },
    { what: "kept connections lost", measured: lost, ...count },
    { what: "longest swap", measured: Math.max(...times), bar: 1_000, unit: " ms", digits: 0 },
    { what: "RSS after the last swap", measured: last.resident / first.resident, bar: 1.2, unit: " ×" },
    { what: "live heap after the last swap", measured: Math.max(...threads), bar: 1.1, unit: " ×" },
  ];
}
