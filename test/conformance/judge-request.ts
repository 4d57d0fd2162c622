/** The verdict on one request case: what is wrong with what the client and the service saw. */
import {
  type Field,
  type StrictRequest,
  type StrictResponse,
  show,
  valuesOf,
} from "../support/strict-parser.ts";
import { HOST, ID, type Reading, type RequestCase } from "./attacks/table.ts";
import { answerBody, type StrictService } from "./strict-service.ts";

/** What the client of a case saw. */
export interface ClientView {
  readonly sent: string;
  readonly received: string;
  readonly responses: readonly StrictResponse[];
  readonly interim: readonly StrictResponse[];
  readonly rest: string;
  readonly invalid: string | undefined;
  /** The gateway closed the connection. */
  readonly ended: boolean;
  /** It closed with RST: an answer may be lost where nobody lingers (RFC 9112 9.6). */
  readonly reset: boolean;
  /** Another request was sent behind the case. */
  readonly followed: boolean;
}

/** Fields for one connection only: they never reach a service from a client. */
const HOP_BY_HOP = [
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "http2-settings",
  "trailer",
  "proxy-authenticate",
];

/** Everything that is wrong with a case; empty when it holds. */
export function judgeRequest(
  row: RequestCase,
  name: string,
  view: ClientView,
  service: StrictService,
  own: boolean,
): string[] {
  const { expect } = row;
  const arrivals = service.arrivals(name);
  const main = arrivals.filter(({ part }) => part === "main").map(({ request }) => request);
  const next = arrivals.filter(({ part }) => part === "next").map(({ request }) => request);
  const problems = arrivals
    .filter(({ part }) => part === "smuggled")
    .map(() => "a hidden request reached the service");
  for (const leftover of service.leftovers(name)) {
    if (leftover.why !== undefined)
      problems.push(`invalid at the service: ${leftover.why}: ${show(leftover.bytes)}`);
    else if (expect.kind === "refused")
      problems.push(`bytes of it reached the service: ${show(leftover.bytes)}`);
    else if (!leftover.ended) problems.push("the service's connection stays open with an incomplete request");
  }
  for (const request of [...main, ...next]) problems.push(...judgeHead(request, own));
  if (view.invalid !== undefined) problems.push(`invalid at the client: ${view.invalid}`);

  if (expect.kind === "forwarded" || (expect.kind === "either" && main.length > 0)) {
    problems.push(...judgeServed(expect.reading, name, view, main, next));
  } else {
    if (main.length + next.length > 0)
      problems.push(`${main.length + next.length} requests reached the service`);
    problems.push(
      ...judgeRefusal(row, expect.statuses, expect.kind !== "either" && expect.silent === true, view, own),
    );
  }
  return problems;
}

function judgeServed(
  reading: Reading,
  name: string,
  view: ClientView,
  main: readonly StrictRequest[],
  next: readonly StrictRequest[],
): string[] {
  const problems: string[] = [];
  const answers = view.responses.map(({ status, body }) => `${status} ${body}`);
  if (main.length !== 1)
    problems.push(`${main.length} requests at the service instead of one; client saw ${show(view.received)}`);
  if (view.followed && next.length !== 1) problems.push(`the request behind it arrived ${next.length} times`);
  for (const request of main) problems.push(...judgeReading(request, reading, name));
  const expected = [reading.method === "HEAD" ? "200 " : `200 ${answerBody("main", name)}`];
  if (view.followed) expected.push(`200 ${answerBody("next", name)}`);
  if (main.length === 1 && answers.join("|") !== expected.join("|"))
    problems.push(`answers ${show(answers.join("|"))}`);
  if (view.rest !== "") problems.push(`more bytes at the client: ${show(view.rest)}`);
  return problems;
}

function judgeRefusal(
  row: RequestCase,
  statuses: readonly number[],
  silent: boolean,
  view: ClientView,
  own: boolean,
): string[] {
  const problems: string[] = [];
  const [answer, ...more] = view.responses;
  if (!view.ended && row.keep !== true) problems.push("the connection stays open");
  if (more.length > 0) problems.push("more than one response");
  if (view.rest !== "") problems.push(`bytes behind the response: ${show(view.rest)}`);
  if (answer === undefined) {
    if (!silent && (own || !view.reset)) problems.push(`no answer, ${statuses.join(" or ")} expected`);
    return problems;
  }
  if (!statuses.includes(answer.status))
    problems.push(`status ${answer.status}, ${statuses.join(" or ")} expected`);
  if (own) problems.push(...judgeProblem(answer, view.sent.startsWith("HEAD ")));
  return problems;
}

/** The gateway's own answers are problem documents with a reason. */
export function judgeProblem(answer: StrictResponse, bodiless = false): string[] {
  const [type = ""] = valuesOf(answer.fields, "content-type");
  if (!type.startsWith("application/problem+json"))
    return [`the answer is ${show(type)}, not a problem document`];
  if (bodiless) return [];
  try {
    const problem = JSON.parse(answer.body) as Record<string, unknown>;
    const well = /^[a-z][a-z0-9_]*$/.test(String(problem["reason"])) && problem["status"] === answer.status;
    return well ? [] : [`a problem document without reason and status: ${show(answer.body)}`];
  } catch {
    return [`a problem document that is no JSON: ${show(answer.body)}`];
  }
}

function judgeHead(request: StrictRequest, own: boolean): string[] {
  const { fields } = request;
  const problems = HOP_BY_HOP.filter((name) => valuesOf(fields, name).length > 0).map(
    (name) => `${name} reached the service`,
  );
  // Whoever sends TE names it in Connection (RFC 9110 10.1.4): the gateway may speak for itself.
  const options = valuesOf(fields, "connection").join(",");
  if (!/^(?:close|keep-alive|te)?$/i.test(options))
    problems.push(`Connection: ${options} reached the service`);
  const te = valuesOf(fields, "te").join(",");
  if (!/^(?:trailers)?$/i.test(te)) problems.push(`TE: ${te} reached the service`);
  if (request.extensions.length > 0)
    problems.push(`chunk extensions reached the service: ${show(request.extensions.join())}`);
  if (!own) return problems;
  const only = (name: string, valid: RegExp): void => {
    const values = valuesOf(fields, name);
    if (values.length !== 1 || !valid.test(values[0]!))
      problems.push(`${name} at the service: ${show(values.join(" | "))}`);
  };
  only("x-forwarded-for", /^127\.0\.0\.1$/);
  only("x-forwarded-proto", /^http$/);
  only("x-request-id", /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  if (!/(?:^|, )1\.[01] torana$/.test(valuesOf(fields, "via").join(", ")))
    problems.push("via does not end with the gateway");
  return problems;
}

/** What differs between a request at the service and the reading that a case allows. */
export function judgeReading(request: StrictRequest, reading: Reading, name: string): string[] {
  const problems: string[] = [];
  const fill = (text: string): string =>
    text.replaceAll(ID, name).replaceAll(ID.toUpperCase(), name.toUpperCase());
  const same = (what: string, seen: string, wanted: string): void => {
    if (seen !== wanted) problems.push(`${what} ${show(seen)} instead of ${show(wanted)}`);
  };
  same("method", request.method, reading.method ?? "GET");
  same("target", plain(request.target), plain(fill(reading.target ?? `/${ID}`)));
  if (reading.host !== null)
    same("host", valuesOf(request.fields, "host").join("|"), fill(reading.host ?? HOST));
  same("body", request.body, fill(reading.body ?? ""));
  for (const wanted of new Set(reading.fields?.map(([field]) => field))) {
    const values =
      reading.fields?.filter(([field]) => field === wanted).map(([, value]) => fill(value)) ?? [];
    same(`field ${wanted}`, valuesOf(request.fields, wanted).join("\n"), values.join("\n"));
  }
  for (const absent of reading.absent ?? []) {
    const values = valuesOf(request.fields, absent);
    if (values.length > 0) problems.push(`${absent}: ${show(values.join(" | "))} reached the service`);
  }
  const head = request.fields.map((field) => field.join(": ")).join("\n");
  for (const bytes of reading.never ?? [])
    if (head.includes(bytes)) problems.push(`${bytes} in the head at the service`);
  problems.push(...judgeTrailers(request.trailers, reading.trailers ?? []));
  return problems;
}

/**
 * One spelling of those that mean the same: digits in either case, unreserved octets escaped or not (RFC 3986 6.2.2), and
 * bytes that clients send although they want escaping.
 */
function plain(target: string): string {
  return target
    .replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase())
    .replace(
      /%(?:22|3C|3E|5B|5C|5D|5E|60|7B|7C|7D|2D|2E|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])/g,
      decodeURIComponent,
    );
}

function judgeTrailers(seen: readonly Field[], allowed: readonly Field[]): string[] {
  const known = new Set(allowed.map(([name, value]) => `${name}: ${value}`));
  return seen
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => !known.has(line))
    .map((line) => `trailer ${show(line)} reached the service`);
}
