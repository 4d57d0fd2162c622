/**
 * Nanoseconds per match for tables of 10 to 100,000 routes: `node bench/micro/router.ts`. Exit code 1 when the slowest and
 * the fastest table differ by more than 20 %.
 *
 * Every table answers the same number of different requests, so that what is compared is the way through the table and
 * not the size of the caches: a gateway whose requests are spread evenly over 100,000 routes waits for memory, whatever
 * its router does. The second column shows that: the same tables, requests spread over all of their routes.
 */
import type { MatchConfig } from "../../src/config/route-schema.ts";
import { Fields } from "../../src/lib/fields.ts";
import { RequestHead } from "../../src/lib/request.ts";
import type { RouteFacts } from "../../src/pipeline/ports.ts";
import { type RouteEntry, RouteTable } from "../../src/routing/router.ts";
import { bareEntry, bareRoute } from "../../test/support/routes.ts";
import { median, ratios } from "../lib/stats.ts";

const SIZES = [10, 100, 1_000, 10_000, 100_000];
const REQUESTS = 40;
const MATCHES = 100_000;
const ROUNDS = 31;
const ALLOWED = 0.2;

/** Conditions of the i-th route, and a request that it takes. */
function kind(i: number): { conditions: Partial<MatchConfig>; host: string; path: string } {
  const name = `svc-${String(i).padStart(6, "0")}`;
  switch (i % 5) {
    case 0:
      return { conditions: { path: [`/${name}/status`] }, host: "api.example", path: `/${name}/status` };
    case 1:
      return {
        conditions: { path: [`/${name}/items/{id}`] },
        host: "api.example",
        path: `/${name}/items/4711`,
      };
    case 2:
      return { conditions: { path: [`/${name}/*`] }, host: "api.example", path: `/${name}/files/a/b.png` };
    case 3: {
      const host = `${name}.tenants.example`;
      return { conditions: { host: [host], path: ["/api/*"] }, host, path: "/api/v1/orders" };
    }
    default:
      return {
        conditions: { path: [`/${name}/admin/*`], method: ["GET", "HEAD"] },
        host: "api.example",
        path: `/${name}/admin/users`,
      };
  }
}

function entry(i: number): RouteEntry {
  return bareEntry(`r${i}`, i, { match: kind(i).conditions });
}

function facts(i: number): RouteFacts {
  const { host, path } = kind(i);
  // As it arrives: the path is a piece of the text of a head.
  const text = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).toString("latin1");
  const request = new RequestHead("GET", "http", host, text.slice(4, 4 + path.length), "", new Fields());
  return { request, clientAddress: "192.0.2.1", listener: "public" };
}

/** `count` places spread evenly over a table; each of the five kinds is met equally often. */
function spread(size: number, count: number): RouteFacts[] {
  return Array.from({ length: count }, (_, n) => {
    const block = Math.floor(((n / count) * size) / 5) * 5;
    return facts(Math.min(block + (n % 5), size - 1));
  });
}

/** Shuffled always alike, so that no kind follows another in step. */
function shuffled<T>(list: T[]): T[] {
  let seed = 1;
  for (let i = list.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    const j = seed % (i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

interface Bench {
  readonly size: number;
  readonly table: RouteTable;
  readonly hot: readonly RouteFacts[];
  readonly all: readonly RouteFacts[];
  readonly times: number[];
  readonly coldTimes: number[];
}

let kept: unknown;

function measure(table: RouteTable, requests: readonly RouteFacts[]): number {
  const started = process.hrtime.bigint();
  for (let i = 0, at = 0; i < MATCHES; i++) {
    kept = table.match(requests[at]!);
    if (++at === requests.length) at = 0;
  }
  return Number(process.hrtime.bigint() - started) / MATCHES;
}

const benches: Bench[] = SIZES.map((size) => {
  const entries = Array.from({ length: size }, (_, i) => entry(i));
  const table = RouteTable.from(entries, bareRoute("none"));
  const hot = shuffled(spread(size, REQUESTS));
  const all = shuffled(spread(size, Math.min(size, MATCHES)));
  for (const one of [...hot, ...all])
    if (table.match(one).route.name === "none") throw new Error(`nothing takes ${one.request.path}`);
  return { size, table, hot, all, times: [], coldTimes: [] };
});

for (let round = 0; round < ROUNDS; round++)
  for (let i = 0; i < benches.length; i++) {
    const bench = benches[(i + round) % benches.length]!;
    measure(bench.table, bench.hot);
    bench.times.push(measure(bench.table, bench.hot));
  }
for (let round = 0; round < 5; round++)
  for (const bench of benches) bench.coldTimes.push(measure(bench.table, bench.all));
if (kept === undefined) throw new Error("nothing was matched");

console.log(
  `ns per match, median of ${ROUNDS} interleaved rounds of ${MATCHES.toLocaleString("en")} matches`,
);
console.log(`routes    ${REQUESTS} requests    requests to all routes`);
for (const { size, times, coldTimes } of benches)
  console.log(
    `${size.toLocaleString("en").padStart(7)}   ${median(times).toFixed(0).padStart(8)}   ${median(coldTimes).toFixed(0).padStart(15)}`,
  );
// Formed within each round, so that what slows a whole round cancels out.
const relative = benches.map(({ times }) => median(ratios(times, benches[0]!.times)));
const difference = Math.max(...relative) / Math.min(...relative) - 1;
console.log(`slowest to fastest table, same number of requests: +${(difference * 100).toFixed(0)} %`);
if (difference > ALLOWED) {
  console.error(`more than ${ALLOWED * 100} % between tables`);
  process.exitCode = 1;
}
