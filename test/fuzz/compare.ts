import { asLines, keptFields, keptTrailers, targetAsRead } from "./documented.ts";
import type { Finding, Input, Message, Reading } from "./reading.ts";

/** Refusals that mean only that the bytes end too early. */
const CUT = /^(?:body_incomplete|body_cut|response_cut):/;

/** One difference between our reading and another's. */
export interface Difference extends Finding {
  /** Of which message. */
  readonly index: number;
}

/** Whether a reading ended only because the bytes did. */
export function isCut(reading: Reading): boolean {
  return reading.refusal !== undefined && CUT.test(reading.refusal);
}

/** Messages that we accept but another refuses, or reads in another way. */
export function compare(ours: Reading, theirs: Reading): Difference[] {
  const differences: Difference[] = [];
  const failed = ours.refusal !== undefined && !isCut(ours);
  ours.messages.forEach((mine, index) => {
    // A body that we gave up, too: the message was never accepted.
    if (failed && !mine.complete) return;
    const other = theirs.messages[index];
    if (other === undefined)
      differences.push({ kind: "refused", detail: theirs.refusal ?? "not read", index });
    else
      for (const [kind, a, b] of parts(mine, other))
        if (a !== b) differences.push({ kind, detail: `ours ${show(a)}, theirs ${show(b)}`, index });
  });
  const index = ours.messages.length;
  const more = theirs.messages[index];
  if (more !== undefined && ours.refusal === undefined && mayFollow(ours))
    differences.push({ kind: "one more", detail: `${more.method}${more.status} ${more.target}`, index });
  return differences;
}

/** Behind a last message nothing is read; an answer is followed by none, unless it is informational. */
function mayFollow({ messages }: Reading): boolean {
  const last = messages.at(-1);
  if (last === undefined) return true;
  return last.status === 0 ? last.complete && last.persistent === true : last.status < 200;
}

function* parts(mine: Message, other: Message): Generator<[part: string, mine: string, theirs: string]> {
  yield ["method", mine.method, other.method];
  if (mine.authority !== undefined) {
    const host = other.fields.find(([name]) => name === "host")?.[1] ?? "";
    const expected = targetAsRead(other.target, host);
    yield ["target", mine.target, expected.target];
    yield ["authority", mine.authority, expected.authority];
  }
  yield ["status", String(mine.status), String(other.status)];
  yield ["phrase", mine.phrase, other.phrase];
  if (mine.version !== undefined) yield ["version", String(mine.version), String(other.version)];
  yield ["fields", asLines(mine.fields), keptFields(other.fields)];
  if (other.persistent !== undefined && mine.complete && mine.status >= 200 === mine.status > 0)
    yield ["persistent", String(mine.persistent), String(other.persistent)];
  if (mine.complete) {
    yield ["complete", "true", String(other.complete)];
    yield ["body", mine.body, other.body];
    yield ["trailers", asLines(mine.trailers), keptTrailers(other.trailers)];
  } else {
    const both = Math.min(mine.body.length, other.body.length);
    yield ["body so far", mine.body.slice(0, both), other.body.slice(0, both)];
  }
}

/** How two of our own readings of the same bytes differ; undefined when they do not. */
export function splitDifference(input: Input, whole: Reading, split: Reading): string | undefined {
  const [a, b] = [whole, split].map(({ messages }) =>
    JSON.stringify(messages.filter(({ complete }) => complete)),
  );
  if (a !== b) return `whole ${a}, split ${b}`;
  if (codeOf(whole) === codeOf(split)) return undefined;
  // A line of a head is read when it is complete: until then a part of it is not refused.
  if (input.bytes.at(-1) !== 0x0a && (split.refusal === undefined || isCut(split))) return undefined;
  return `whole ${whole.refusal}, split ${split.refusal}`;
}

/** Of several faults the one that is seen first is told. */
function codeOf({ refusal }: Reading): string | undefined {
  return refusal?.split(":")[0];
}

/** Bytes as a readable literal. */
export function show(text: string, max = 400): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return JSON.stringify(cut).replace(/[\x7f-\xff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
}
