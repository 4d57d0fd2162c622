import { setImmediate as turn } from "node:timers/promises";
import { Random } from "../support/random.ts";
import { allowanceFor } from "./allowed.ts";
import { compare, isCut, show, splitDifference } from "./compare.ts";
import { generate } from "./generate.ts";
import { type Delivery, readByOurs, WHOLE } from "./ours.ts";
import type { Finding, Input, Reading } from "./reading.ts";
import { isWellFormed } from "./strict.ts";
import { readByTheirs } from "./theirs.ts";

/** Inputs between two turns of the event loop, in which closed sockets are let go. */
const BATCH = 100;
const EXAMPLES = 3;

/** How often something happened, and the first inputs that showed it. */
export interface Count {
  number: number;
  readonly examples: string[];
}

/** What many inputs showed. */
export class Tally {
  inputs = 0;
  messages = 0;
  splits = 0;
  /** By what became of an input: every input is counted once. */
  readonly classes: Map<string, Count> = new Map();
  /** Inputs that we refuse and llhttp takes, by our reason. */
  readonly refused: Map<string, Count> = new Map();
  /** The same, of those that are well-formed by the letter. */
  readonly refusedWellFormed: Map<string, Count> = new Map();
  /** Differences that are in order. */
  readonly allowed: Map<string, Count> = new Map();
  /** What was done to the inputs. */
  readonly mutations: Map<string, Count> = new Map();
  /** Anything here is a defect. */
  readonly findings: Map<string, Count> = new Map();

  get failed(): boolean {
    return this.findings.size > 0;
  }
}

/** Makes and checks `count` inputs; the same seed makes the same ones. */
export async function fuzz(count: number, seed: number, step: (done: number) => void): Promise<Tally> {
  const tally = new Tally();
  for (let i = 0; i < count; i++) {
    check(new Random(Math.imul(seed, 0x2c1b3c6d) + i), tally);
    if (i % BATCH !== BATCH - 1) continue;
    step(i + 1);
    await turn();
  }
  step(count);
  return tally;
}

function check(random: Random, tally: Tally): void {
  const input = generate(random);
  const delivery = deliveryFor(random, input);
  const ours = readByOurs(input, WHOLE);
  const theirs = readByTheirs(input, ours);
  tally.inputs++;
  tally.messages += ours.messages.length;
  tally.splits += delivery.cuts.length;
  for (const name of input.mutations.length > 0 ? input.mutations : ["none"])
    count(tally.mutations, name, input);
  const split = splitDifference(input, ours, readByOurs(input, delivery));
  if (split !== undefined) report(tally, input, { kind: "split", detail: `${describe(delivery)}: ${split}` });
  const strict = overStrict(input, ours);
  if (strict !== undefined) report(tally, input, { kind: "over-strict", detail: strict });
  count(tally.classes, `${input.side}: ${classOf(tally, input, ours, theirs)}`, input);
}

/** What became of an input; findings are noted on the way. */
function classOf(tally: Tally, input: Input, ours: Reading, theirs: Reading): string {
  const differences = compare(ours, theirs);
  if (differences.length > 0) {
    const allowed = allowanceFor(differences, input, ours, theirs);
    if (allowed === undefined) {
      for (const difference of differences) report(tally, input, difference);
      return "read differently";
    }
    count(tally.allowed, allowed, input);
    return "read differently, and allowed";
  }
  if (ours.refusal === undefined || isCut(ours))
    return theirs.refusal === undefined || theirs.messages.length >= ours.messages.length
      ? "read alike"
      : "cut off";
  if (theirs.refusal !== undefined) return "refused by both";
  count(tally.refused, ours.refusal, input);
  const broken = ours.messages.findIndex(({ complete }) => !complete);
  if (isWellFormed(input, (broken === -1 ? ours.messages.length : broken) + 1))
    count(tally.refusedWellFormed, ours.refusal, input);
  return "refused by us only";
}

/** A stream that nothing was done to is read whole, or we are too strict. */
function overStrict(input: Input, ours: Reading): string | undefined {
  if (input.mutations.length > 0) return undefined;
  if (ours.refusal !== undefined) return ours.refusal;
  const read = JSON.stringify(ours.messages.map(({ body, complete }) => [body, complete]));
  const made = JSON.stringify(input.bodies.map((body) => [body, true]));
  return read === made ? undefined : `read ${read} of ${made}`;
}

/** One stream in eight arrives byte by byte, the others in up to nine pieces. */
function deliveryFor(random: Random, { bytes }: Input): Delivery {
  const cuts =
    random.below(8) === 0 && bytes.length < 600
      ? Array.from({ length: bytes.length }, (_, at) => at)
      : Array.from({ length: 1 + random.below(8) }, () => random.below(bytes.length + 1)).sort(
          (a, b) => a - b,
        );
  return { cuts, reused: random.below(4) > 0, slow: random.below(3) === 0 };
}

function describe({ cuts, reused, slow }: Delivery): string {
  return `cut at ${cuts.length > 9 ? "every byte" : cuts.join(", ")}${reused ? ", one buffer" : ""}${slow ? ", read slowly" : ""}`;
}

function report(tally: Tally, input: Input, { kind, detail }: Finding): void {
  count(tally.findings, `${input.side}: ${kind}`, input, detail);
}

function count(counts: Map<string, Count>, name: string, { bytes, method }: Input, detail = ""): void {
  const there = counts.get(name) ?? { number: 0, examples: [] };
  counts.set(name, there);
  there.number++;
  if (there.examples.length < EXAMPLES)
    there.examples.push(`${detail}\n    ${method} ${show(bytes.latin1Slice(0, bytes.length), 2_000)}`);
}
