/** Runs rows of the response table one after the other, and after each asks again, on the same connection and a new one. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, type Delivery, type RawConnection } from "../support/raw.ts";
import type { ResponseCase } from "./attacks/response-table.ts";
import { type Family, get, HOST, head, ID } from "./attacks/table.ts";
import { judgeNext, judgeResponse, type ResponseView } from "./judge-response.ts";
import type { LyingService } from "./lying-service.ts";
import {
  type CaseResult,
  named,
  nextName,
  PATIENCE_MS,
  type RunOptions,
  readResponses,
} from "./request-runner.ts";

/** Time for bytes behind a response to reach the gateway before the next request does. */
const DIGEST_MS = 2;

const NEXT = head(`GET /next/${ID} HTTP/1.1`, `Host: ${HOST}`);

/** Runs all rows; in sequence, so that a connection that should not be reused is the one that would be. */
export async function runResponseCases(
  families: readonly Family<ResponseCase>[],
  options: RunOptions<LyingService>,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  const rows = families.flatMap((family) => family.cases.map((row) => ({ family: family.name, row })));
  for (const [index, { family, row }] of rows.entries()) {
    for (const delivery of options.deliveries(index)) {
      results.push({ family, ...(await perform(row, delivery, options)) });
    }
  }
  return results;
}

async function perform(
  row: ResponseCase,
  delivery: Delivery,
  { port, service, own, patienceMs = PATIENCE_MS }: RunOptions<LyingService>,
): Promise<Omit<CaseResult, "family">> {
  const name = nextName();
  const answer = named(row.answer, name);
  const played = service.play({ name, row, answer, late: named(row.late ?? "", name), delivery });
  const request = named(row.request ?? get(), name);
  const client = await connectRaw(port);
  const view = await ask(client, request, patienceMs);
  await Promise.race([played, sleep(patienceMs, undefined, { ref: false })]);
  await sleep(DIGEST_MS);
  const problems = judgeResponse(row, view, own);
  client.send(named(row.rest ?? "", name));
  if (!client.ended)
    problems.push(
      ...judgeNext("on the same connection", name, await askAgain(client, name, view, patienceMs), true),
    );
  client.close();
  const other = await connectRaw(port);
  problems.push(
    ...judgeNext("on a new connection", name, await ask(other, named(NEXT, name), patienceMs), false),
  );
  other.close();
  if (service.smuggled.has(name)) problems.push("a hidden request reached the service");
  if (row.once === true && service.seen(name) !== 1)
    problems.push(`the service saw the request ${service.seen(name)} times`);
  if (service.reused.has(name)) problems.push("the service's connection carried another request");
  return {
    name: row.name,
    delivery,
    problems,
    sent: answer + named(row.late ?? "", name),
    answer: view.received,
  };
}

/** Sends a request and reads until its response is complete or the connection has ended. */
async function ask(connection: RawConnection, request: string, patienceMs: number): Promise<ResponseView> {
  const methods = [request.slice(0, request.indexOf(" "))];
  connection.send(request);
  await connection.until(
    (received) => readResponses(received, methods, false).responses.length > 0,
    patienceMs,
  );
  const { received, ended, reset } = connection;
  return { ...readResponses(received, methods, ended), received, ended, reset };
}

async function askAgain(
  connection: RawConnection,
  name: string,
  before: ResponseView,
  patienceMs: number,
): Promise<ResponseView> {
  // What came behind the first response would now be taken for the second: it stays in place to be seen.
  connection.consume(before.received.length - before.rest.length);
  return ask(connection, named(NEXT, name), patienceMs);
}
