/** Runs rows of the request table against a gateway on a port, and judges what the client and the service saw. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, type Delivery, piecesOf, type RawConnection, seeded } from "../support/raw.ts";
import { parseResponse, type StrictHead, type StrictResponse } from "../support/strict-parser.ts";
import { type Family, ID, type RequestCase, SMUGGLED } from "./attacks/table.ts";
import { type ClientView, judgeRequest } from "./judge-request.ts";
import type { StrictService } from "./strict-service.ts";

/** Longer than the timeouts of the gateway under test. */
export const PATIENCE_MS = 5_500;

/** After the last case: time for bytes that a gateway should not have sent to reach the service all the same. */
const SETTLE_MS = 300;

const NEXT = SMUGGLED.replace("/smuggled/", "/next/");

/** How the rows of a table are run, against which gateway and service. */
export interface RunOptions<Service> {
  readonly port: number;
  readonly service: Service;
  /** True for this project's gateway: its own fields and problem documents are checked as well. */
  readonly own: boolean;
  /** How each case travels; given the case's place in the run. */
  readonly deliveries: (index: number) => readonly Delivery[];
  readonly concurrency?: number;
  /** How long a client waits for an answer or a close that does not come. */
  readonly patienceMs?: number;
}

export interface CaseResult {
  readonly family: string;
  readonly name: string;
  readonly delivery: Delivery;
  readonly problems: readonly string[];
  /** What was sent, with the case's own name in it. */
  readonly sent: string;
  readonly answer: string;
}

interface Run {
  readonly family: string;
  readonly row: RequestCase;
  readonly delivery: Delivery;
  readonly name: string;
}

/** Puts a case's own name in place of the table's ID. */
export function named(text: string, name: string): string {
  return text.replaceAll(ID, name).replaceAll(ID.toUpperCase(), name.toUpperCase());
}

let counter = 0;

/** A name that no other case of this process has. */
export function nextName(): string {
  return `case${String(counter++).padStart(5, "0")}`;
}

/** Runs all rows, and judges them when all traffic has come to rest. */
export async function runRequestCases(
  families: readonly Family<RequestCase>[],
  options: RunOptions<StrictService>,
): Promise<CaseResult[]> {
  const rows = families.flatMap(({ name, cases }) => cases.map((row) => ({ family: name, row })));
  const runs = rows.flatMap(({ family, row }, index) =>
    options.deliveries(index).map((delivery): Run => ({ family, row, delivery, name: nextName() })),
  );
  const views = await inParallel(runs, options.concurrency ?? 24, (run) => perform(run, options));
  await sleep(SETTLE_MS);
  return runs.map((run, i) => {
    const view = views[i]!;
    return {
      family: run.family,
      name: run.row.name,
      delivery: run.delivery,
      problems: judgeRequest(run.row, run.name, view, options.service, options.own),
      sent: view.sent,
      answer: view.received,
    };
  });
}

/** Maps with a bounded number of calls at a time. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let taken = 0;
  const lane = async (): Promise<void> => {
    for (let i = taken++; i < items.length; i = taken++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

async function perform(
  { row, name, delivery }: Run,
  { port, patienceMs }: RunOptions<StrictService>,
): Promise<ClientView> {
  const alone = row.end === true || row.last === true || row.keep === true;
  const served = row.expect.kind === "forwarded" || row.expect.kind === "either";
  const behind = alone ? "" : served ? NEXT : SMUGGLED;
  const sent = named(row.bytes + behind, name);
  const methods = [/^\s*HEAD /.test(row.bytes) ? "HEAD" : "GET", ...(served && !alone ? ["GET"] : [])];
  const connection = await connectRaw(port);
  const sending = send(connection, sent, delivery, row.end === true, name);
  const enough = (received: string): boolean =>
    served && readResponses(received, methods, false).responses.length >= methods.length;
  await connection.until(enough, patienceMs ?? PATIENCE_MS);
  await sending;
  const received = connection.received;
  const { ended, reset } = connection;
  connection.close();
  return {
    ...readResponses(received, methods, ended),
    received,
    sent,
    ended,
    reset,
    followed: behind !== "",
  };
}

async function send(
  connection: RawConnection,
  bytes: string,
  delivery: Delivery,
  end: boolean,
  name: string,
): Promise<void> {
  await connection.sendPieces(piecesOf(bytes, delivery, seeded(Number(name.slice(4)))));
  if (end) connection.end();
}

export interface ResponsesRead {
  /** Final responses, in order. */
  readonly responses: readonly StrictResponse[];
  /** Informational responses, in order. */
  readonly interim: readonly StrictResponse[];
  /** The bytes behind the last complete response. */
  readonly rest: string;
  /** Why those bytes are no response. */
  readonly invalid: string | undefined;
  /** The response that has begun and is not complete. */
  readonly partial: { readonly head: StrictHead; readonly body: string } | undefined;
}

/** Reads the responses to requests with these methods. */
export function readResponses(text: string, methods: readonly string[], ended: boolean): ResponsesRead {
  const responses: StrictResponse[] = [];
  const interim: StrictResponse[] = [];
  let at = 0;
  let invalid: string | undefined;
  let partial: ResponsesRead["partial"];
  while (at < text.length && responses.length < methods.length) {
    const parsed = parseResponse(text, methods[responses.length] ?? "GET", ended, at);
    if (parsed.state === "invalid") invalid = parsed.why;
    if (parsed.state === "incomplete" && parsed.head !== undefined) {
      partial = { head: parsed.head, body: parsed.body ?? "" };
    }
    if (parsed.state !== "complete") break;
    (parsed.message.status < 200 ? interim : responses).push(parsed.message);
    at = parsed.end;
  }
  return { responses, interim, rest: text.slice(at), invalid, partial };
}
