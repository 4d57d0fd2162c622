/** The verdict on one response case: what is wrong with what the client saw. */
import { type Field, type StrictResponse, show, valuesOf } from "../support/strict-parser.ts";
import type { ResponseCase, ResponseReading } from "./attacks/response-table.ts";
import { judgeProblem } from "./judge-request.ts";
import type { ResponsesRead } from "./request-runner.ts";

export interface ResponseView extends ResponsesRead {
  readonly received: string;
  /** The gateway closed the connection, */
  readonly ended: boolean;
  /** with RST. */
  readonly reset: boolean;
}

const HOP_BY_HOP = ["keep-alive", "proxy-connection"];

/** Everything that is wrong with the answer to a case; empty when it holds. */
export function judgeResponse({ expect }: ResponseCase, view: ResponseView, own: boolean): string[] {
  const [answer] = view.responses;
  const problems: string[] = [];
  if (view.received.includes("poison")) problems.push("the client saw a response that nobody asked for");
  if (view.invalid !== undefined) problems.push(`invalid at the client: ${view.invalid}`);
  if (view.rest !== "" && answer !== undefined)
    problems.push(`bytes behind the response: ${show(view.rest)}`);
  const failed = answer !== undefined && isFailure(answer, own);

  if (answer === undefined || (view.reset && answer.framing === "close")) {
    if (view.invalid === undefined) problems.push(...judgePartial(expect.kind, view));
  } else if (expect.kind === "failed" || expect.kind === "cut" || failed) {
    const statuses = expect.kind === "failed" ? expect.statuses : [502];
    if (!failed || !statuses.includes(answer.status))
      problems.push(`${answer.status} ${show(answer.body, 100)} instead of 502`);
    else if (expect.kind === "passed") problems.push(`502 ${show(answer.body)} instead of the response`);
    if (own && failed) problems.push(...judgeProblem(answer));
    if (failed && view.received.includes("hello")) problems.push("the failure carries bytes of the service");
  } else {
    problems.push(...judgeReading(answer, expect.reading, own), ...judgeInterim(view, expect.reading));
  }
  return problems;
}

/** What is wrong with the answer to the good request that follows a case. */
export function judgeNext(place: string, name: string, view: ResponseView, mayClose: boolean): string[] {
  if (mayClose && view.received === "" && view.ended) return [];
  const [answer] = view.responses;
  if (answer?.status === 200 && answer.body === `next of ${name}` && view.rest === "") return [];
  return [`the next request ${place} got ${show(view.received, 200)}`];
}

function isFailure(answer: StrictResponse, own: boolean): boolean {
  if (answer.status < 500) return false;
  return !own || (valuesOf(answer.fields, "content-type")[0] ?? "").startsWith("application/problem+json");
}

function judgePartial(kind: string, view: ResponseView): string[] {
  if (kind === "passed" || kind === "failed" || kind === "either")
    return [`an incomplete answer: ${show(view.received, 200)}`];
  if (!view.ended) return ["the connection stays open with an incomplete response"];
  return view.received === "" ? ["closed without an answer"] : [];
}

function judgeInterim(view: ResponseView, reading: ResponseReading): string[] {
  const optional = [...(reading.optional ?? [])];
  const seen = view.interim.map(({ status }) => status);
  const beyond = seen.filter((status) => {
    const at = optional.indexOf(status);
    if (at >= 0) optional.splice(at, 1);
    return at < 0;
  });
  const wanted = (reading.interim ?? []).join();
  return beyond.join() === wanted
    ? []
    : [`informational ${seen.join() || "none"} instead of ${wanted || "none"}`];
}

function judgeReading(answer: StrictResponse, reading: ResponseReading, own: boolean): string[] {
  const problems: string[] = [];
  const same = (what: string, seen: string, wanted: string): void => {
    if (seen !== wanted) problems.push(`${what} ${show(seen, 200)} instead of ${show(wanted, 200)}`);
  };
  same("status", String(answer.status), String(reading.status ?? 200));
  same("body", answer.body, reading.body ?? "");
  for (const wanted of new Set(reading.fields?.map(([field]) => field))) {
    const values = reading.fields?.filter(([field]) => field === wanted).map(([, value]) => value) ?? [];
    same(`field ${wanted}`, valuesOf(answer.fields, wanted).join("\n"), values.join("\n"));
  }
  for (const absent of [...(reading.absent ?? []), ...HOP_BY_HOP]) {
    if (valuesOf(answer.fields, absent).length > 0) problems.push(`${absent} reached the client`);
  }
  if (answer.extensions.length > 0)
    problems.push(`chunk extensions reached the client: ${show(answer.extensions.join())}`);
  if (own && !/(?:^|, )1\.[01] torana$/.test(valuesOf(answer.fields, "via").join(", ")))
    problems.push("via does not end with the gateway");
  problems.push(...judgeTrailers(answer.trailers, reading.trailers ?? []));
  return problems;
}

function judgeTrailers(seen: readonly Field[], allowed: readonly Field[]): string[] {
  const known = new Set(allowed.map(([name, value]) => `${name}: ${value}`));
  return seen
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => !known.has(line))
    .map((line) => `trailer ${show(line)} reached the client`);
}
