import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../../bench/lib/machine.ts";
import { ROOT } from "../../bench/lib/root.ts";
import { ALLOWANCES } from "./allowed.ts";
import { WHY_REFUSED } from "./refused.ts";
import { type Count, findingsText, sorted, type Tally } from "./tally.ts";

/** What a run was. */
export interface Run {
  readonly count: number;
  readonly seed: number;
  readonly seconds: number;
  readonly command: string;
}

/** Writes bench/results/fuzz.md. */
export function writeReport(tally: Tally, run: Run): string {
  const folder = join(ROOT, "bench/results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "fuzz.md"), toMarkdown(tally, run));
  return "bench/results/fuzz.md";
}

/** For the terminal. */
export function toText(tally: Tally, { seconds, seed }: Run): string {
  const parts = [
    `${tally.inputs} inputs, ${tally.messages} messages, ${tally.splits} splits, seed ${seed}, ${seconds.toFixed(0)} s`,
    ...section("what became of them", tally.classes),
    ...section("refused by us only", tally.refused),
    ...section("read differently, and allowed", tally.allowed),
  ];
  if (tally.failed) parts.push(findingsText(tally));
  return parts.join("\n");
}

function toMarkdown(tally: Tally, { count, seed, seconds, command }: Run): string {
  const machine = describeMachine();
  const sources = new Map(ALLOWANCES.map(({ name, source }) => [name, source]));
  return [
    "# fuzz: our HTTP/1.1 readers beside Node's llhttp",
    "",
    `${number(count)} streams of bytes, well-formed and broken, requests and responses, were read by our connections and by`,
    "Node's own parser (strict, no leniency). Whatever we accept llhttp must accept with the same messages: method, target,",
    "status, field names and values in order, body, trailers, and whether the connection goes on. Each stream was read by us",
    "three times, whole from the shared buffer, whole from memory of its own, and cut into pieces (up to one a byte; buffers",
    "reused or not; bodies taken at once or late), with the same result demanded:",
    `${number(tally.messages)} messages, ${number(tally.splits)} cuts.`,
    "",
    `**${tally.failed ? `${number(total(tally.findings))} findings: see below.` : "No input showed a defect."}**`,
    "",
    ...table("What became of the inputs", tally.classes, () => ""),
    ...table(
      "Read differently, and allowed: llhttp differs from the RFC or knows less",
      tally.allowed,
      (name) => sources.get(name) ?? "",
    ),
    ...table("Refused by us, taken by llhttp", tally.refused, () => ""),
    ...table(
      "Of these, well-formed by the letter of RFC 9112",
      tally.refusedWellFormed,
      (name) => WHY_REFUSED.get(name) ?? "",
    ),
    ...table("What was done to well-formed streams", tally.mutations, () => ""),
    ...(tally.failed ? ["## Defects", "", "```", findingsText(tally), "```", ""] : []),
    "## How",
    "",
    `- ${new Date().toISOString()}, seed ${seed}, ${seconds.toFixed(0)} s: \`${command}\``,
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `- Torana ${machine.torana} on Node ${machine.node} with llhttp ${process.versions["llhttp"]}`,
    "- llhttp knows registered methods only: others, which are tokens and so well-formed, were handed to it as POST.",
    "",
  ].join("\n");
}

function table(title: string, counts: ReadonlyMap<string, Count>, note: (name: string) => string): string[] {
  if (counts.size === 0) return [`## ${title}`, "", "None.", ""];
  const rows = sorted(counts).map(
    ([name, count]) => `| ${name.replace(/: $/, "")} | ${number(count.number)} | ${note(name)} |`,
  );
  return [`## ${title}`, "", "| | inputs | |", "| --- | ---: | --- |", ...rows, ""];
}

function section(title: string, counts: ReadonlyMap<string, Count>): string[] {
  return [
    "",
    title,
    ...sorted(counts).map(([name, count]) => `${number(count.number).padStart(10)}  ${name}`),
  ];
}

function total(counts: ReadonlyMap<string, Count>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count.number;
  return sum;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
