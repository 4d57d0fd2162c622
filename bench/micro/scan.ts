/**
 * Nanoseconds per head for the ways of reading a head's fields: `node bench/micro/scan.ts`. Each trick of
 * src/http/scan-fields.ts and count-controls.ts stands beside its plain alternative.
 */
import { SHARED } from "../../src/http/buffers.ts";
import * as octets from "../../src/http/bytes.ts";
import { countControls } from "../../src/http/count-controls.ts";
import { scanFields, scanFieldsInShared } from "../../src/http/scan-fields.ts";
import { median, ratios } from "../lib/stats.ts";

const ROUNDS = 31;
const HEADS = 50_000;

/** The request of a browser, as in bench/load/browser.lua: twelve fields, about 800 bytes. */
const HEAD = [
  "GET /catalog/items/4711?view=full HTTP/1.1",
  "Host: shop.example",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.7",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Referer: https://shop.example/catalog/list?page=3",
  "Cookie: session=3f1c9a52e7d84b06a1f5c2d9e8b7a640; consent=all; theme=dark; cart=8841-2210-7735; " +
    "visitor=GA1.2.1183320467.1752316800; region=eu-central-1; experiment=checkout-b; last_seen=1752402345; tz=Europe%2FBerlin",
  "Cache-Control: max-age=0",
  "Upgrade-Insecure-Requests: 1",
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "",
  "",
].join("\r\n");

const FIELDS = HEAD.indexOf("\n") + 1;
const END = HEAD.length;
SHARED.write(HEAD, 0, "latin1");

const TAB = 0x09;
const SP = 0x20;
const DEL = 0x7f;

/** 1 for an octet that may stand in a value. */
const VALUE = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet === TAB || (octet >= SP && octet !== DEL) ? 1 : 0,
);

function countOneByOne(): number {
  let count = 0;
  for (let at = FIELDS; at < END; at++) {
    const octet = SHARED[at]!;
    if (octet < SP || octet === DEL) count++;
  }
  return count;
}

/** The hot loop of `scanFields`, from line to line. */
function valuesByComparison(): number {
  const bytes = SHARED;
  let lines = 0;
  for (let at = FIELDS; at < END; at += 2, lines++) {
    for (; at < END; at++) {
      const octet = bytes[at]!;
      if ((octet < SP && octet !== TAB) || octet === DEL) break;
    }
  }
  return lines;
}

/** The same with imported names. */
function valuesByImports(): number {
  let lines = 0;
  for (let at = FIELDS; at < END; at += 2, lines++) {
    for (; at < END; at++) {
      const octet = SHARED[at]!;
      if (octet === octets.CR || octet === octets.LF || (octet < octets.SP && octet !== TAB)) break;
    }
  }
  return lines;
}

/** The same with the three octets as names of this file. */
const CR = 0x0d;
const LF = 0x0a;

function valuesByNames(): number {
  const bytes = SHARED;
  let lines = 0;
  for (let at = FIELDS; at < END; at += 2, lines++) {
    for (; at < END; at++) {
      const octet = bytes[at]!;
      if (octet === CR || octet === LF || (octet < SP && octet !== TAB)) break;
    }
  }
  return lines;
}

function valuesByTable(): number {
  const bytes = SHARED;
  const table = VALUE;
  let lines = 0;
  for (let at = FIELDS; at < END; at += 2, lines++) while (at < END && table[bytes[at]!] !== 0) at++;
  return lines;
}

interface Way {
  readonly name: string;
  readonly run: () => number;
  readonly times: number[];
}

/** Ways that do the same work: the trick first, then what it is compared with. */
const GROUPS: readonly { readonly title: string; readonly ways: readonly Way[] }[] = [
  {
    title: "a head's fields, with its latin1 text",
    ways: [
      way("line ends found in the text, controls counted", () =>
        scanFieldsInShared(SHARED.latin1Slice(0, END), FIELDS, 0),
      ),
      way("octet by octet", () => {
        const end = scanFields(SHARED, FIELDS, END, 0);
        return SHARED.latin1Slice(0, end).length;
      }),
    ],
  },
  {
    title: "controls of a head",
    ways: [
      way("counted four at a time", () => countControls(FIELDS, END)),
      way("counted one by one", countOneByOne),
    ],
  },
  {
    title: "ends of lines",
    ways: [way("two comparisons an octet", valuesByComparison), way("a table", valuesByTable)],
  },
  {
    title: "ends of lines, three names an octet",
    ways: [way("names of the file", valuesByNames), way("imported names", valuesByImports)],
  },
];

function way(name: string, run: () => number): Way {
  return { name, run, times: [] };
}

function measure({ run }: Way): number {
  let sum = 0;
  const started = process.hrtime.bigint();
  for (let i = 0; i < HEADS; i++) sum += run();
  const each = Number(process.hrtime.bigint() - started) / HEADS;
  if (sum <= 0) throw new Error("nothing was read");
  return each;
}

for (const { title, ways } of GROUPS) {
  const results = new Set(ways.map(({ run }) => run()));
  if (results.size !== 1) throw new Error(`the ways do not agree: ${title}`);
}
for (let round = 0; round < ROUNDS; round++)
  for (const { ways } of GROUPS)
    for (let i = 0; i < ways.length; i++) {
      const one = ways[(i + round) % ways.length]!;
      const time = measure(one);
      if (round > 0) one.times.push(time); // the first round warms up
    }

console.log(`ns per head of ${END} bytes, median of ${ROUNDS - 1} interleaved rounds of ${HEADS} heads`);
for (const { title, ways } of GROUPS) {
  console.log(title);
  for (const { name, times } of ways) {
    const ratio = median(ratios(times, ways[0]!.times)).toFixed(2);
    console.log(`  ${name.padEnd(48)} ${median(times).toFixed(0).padStart(6)}  × ${ratio}`);
  }
}
