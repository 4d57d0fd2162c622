import { setImmediate as turn } from "node:timers/promises";
import { Random } from "../support/random.ts";
import { allowanceFor } from "./allowed.ts";
import { compare, isCut, splitDifference } from "./compare.ts";
import { generate } from "./generate.ts";
import { type Delivery, OWNED, readByOurs, WHOLE } from "./ours.ts";
import type { Finding, Input, Reading } from "./reading.ts";
import { isWellFormed } from "./strict.ts";
import { Tally } from "./tally.ts";
import { readByTheirs } from "./theirs.ts";

/** Inputs between two turns of the event loop, in which closed sockets are let go. */
const BATCH = 100;

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
  const ours = readByOurs(input, WHOLE);
  const theirs = readByTheirs(input, ours);
  tally.inputs++;
  tally.messages += ours.messages.length;
  for (const name of input.mutations.length > 0 ? input.mutations : ["none"])
    tally.count("mutations", name, input);
  for (const delivery of [OWNED, deliveryFor(random, input)]) {
    tally.splits += delivery.cuts.length;
    const split = splitDifference(input, ours, readByOurs(input, delivery));
    if (split !== undefined)
      report(tally, input, { kind: "split", detail: `${describe(delivery)}: ${split}` });
  }
  const strict = overStrict(input, ours);
  if (strict !== undefined) report(tally, input, { kind: "over-strict", detail: strict });
  tally.count("classes", `${input.side}: ${classOf(tally, input, ours, theirs)}`, input);
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
    for (const name of allowed) tally.count("allowed", name, input);
    return "read differently, and allowed";
  }
  if (isCut(ours)) return "cut off";
  if (ours.refusal === undefined)
    return theirs.refusal?.startsWith("HPE_INVALID_EOF_STATE") ? "cut off" : "read alike";
  if (theirs.refusal !== undefined) return "refused by both";
  tally.count("refused", ours.refusal, input);
  const broken = ours.messages.findIndex(({ complete }) => !complete);
  if (isWellFormed(input, (broken === -1 ? ours.messages.length : broken) + 1))
    tally.count("refusedWellFormed", ours.refusal, input);
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
  const where =
    cuts.length === 0 ? "whole" : cuts.length > 9 ? "cut at every byte" : `cut at ${cuts.join(", ")}`;
  return `${where}${reused ? ", one buffer" : ""}${slow ? ", read slowly" : ""}`;
}

function report(tally: Tally, input: Input, { kind, detail }: Finding): void {
  tally.count("findings", `${input.side}: ${kind}`, input, detail);
}
