/** Sends attacks in one write behind a request that is served: the answers come in order, and only the good one arrives. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw } from "../support/raw.ts";
import { show } from "../support/strict-parser.ts";
import { type RequestCase, type RequestFamily, SMUGGLED } from "./attacks/table.ts";
import { inParallel, named, nextName, PATIENCE_MS, readResponses } from "./request-runner.ts";
import { answerBody, type StrictService } from "./strict-service.ts";

const GOOD = SMUGGLED.replace("/smuggled/", "/next/");
const SETTLE_MS = 300;

export interface BehindResult {
  readonly name: string;
  /** What is wrong; undefined when the case holds. */
  readonly problem: string | undefined;
}

/** Runs every case that has to be refused, behind a good request and before a hidden one. */
export async function runBehindGood(
  families: readonly RequestFamily[],
  port: number,
  service: StrictService,
): Promise<BehindResult[]> {
  const rows = families
    .flatMap(({ cases }) => cases)
    .filter((row) => row.expect.kind === "refused" && row.end !== true);
  const seen = await inParallel(rows, 24, (row) => perform(row, port));
  await sleep(SETTLE_MS);
  return seen.map(({ row, name, problem }) => {
    const arrived = service.arrivals(name).map(({ part }) => part);
    const strays = service.leftovers(name).map(({ bytes }) => show(bytes));
    const atService =
      arrived.join() === "next" && strays.length === 0
        ? undefined
        : `the service saw ${[...arrived, ...strays].join()}`;
    return { name: row.name, problem: problem ?? atService };
  });
}

async function perform(
  row: RequestCase,
  port: number,
): Promise<{ row: RequestCase; name: string; problem: string | undefined }> {
  const name = nextName();
  const connection = await connectRaw(port);
  const sent = named(GOOD + row.bytes + SMUGGLED, name);
  connection.send(sent);
  await connection.until(() => false, PATIENCE_MS);
  const { received, ended } = connection;
  connection.close();
  const { responses, rest } = readResponses(
    received,
    ["GET", row.bytes.startsWith("HEAD ") ? "HEAD" : "GET"],
    ended,
  );
  const [good, refusal] = responses;
  const statuses = row.expect.kind === "refused" ? row.expect.statuses : [];
  const holds =
    ended &&
    rest === "" &&
    good?.body === answerBody("next", name) &&
    refusal !== undefined &&
    statuses.includes(refusal.status);
  return { row, name, problem: holds ? undefined : `${show(sent)} got ${show(received)}` };
}
