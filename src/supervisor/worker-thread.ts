/** The body of a worker thread: a gateway that takes its config from the main thread. */
import { parentPort, workerData } from "node:worker_threads";
import { ConfigError } from "../config/problem.ts";
import { hideIn } from "../config/secrets.ts";
import { WorkerMeter } from "../observe/meter.ts";
import { loadCatalog, type UserCode } from "../snapshot/catalog.ts";
import { ConfigParts } from "./config-parts.ts";
import { Gateway, type Prepared } from "./gateway.ts";
import { sharesPorts } from "./port-sharing.ts";
import type { ConfigUpdate, FromWorker, RefusedUpdate, ToWorker, WorkerStart } from "./protocol.ts";
import { answerTo } from "./worker-answers.ts";

const { index, first, follows, beats, series, limits: memory, tickets, file } = workerData as WorkerStart;
const BEAT = 200;

const port = parentPort!;
const tell = (message: FromWorker): void => port.postMessage(message);
const parts = new ConfigParts();
const meter = new WorkerMeter({ series, worker: index, onNew: (news) => tell({ type: "series", news }) });
const log = (line: string): void => tell({ type: "log", line });
const limits = { memory, worker: index };
const gateway = new Gateway({ shared: sharesPorts(), first, follows, meter, log, tickets, limits });
let current: ConfigUpdate | undefined;
let prepared: { update: ConfigUpdate; change: Prepared } | undefined;

function beat(): void {
  Atomics.store(beats, index, process.hrtime.bigint());
  meter.beat(gateway.reading());
}
beat();
setInterval(beat, BEAT);

async function prepare(update: ConfigUpdate): Promise<void> {
  const { generation } = update;
  try {
    const config = parts.assemble(update);
    const catalog = await loadCatalog(config, undefined, file, JSON.parse(update.code) as UserCode);
    const change = await gateway.prepare(config, catalog);
    prepared = { update, change };
    tell({ type: "ready", generation });
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : undefined;
    const problem = { problems, message: String((error as Error | undefined)?.message ?? error) };
    // It may quote what came from the environment.
    tell({ type: "refused", generation, problem: hideIn(problem, update.secrets) as RefusedUpdate });
  }
}

function commit(generation: number): void {
  if (prepared?.update.generation !== generation) return;
  const { update, change } = prepared;
  prepared = undefined;
  gateway.commit(change);
  current = update;
  parts.keepOnly(update);
  tell({ type: "committed", generation });
  gateway.snapshots.whenOldAreGone(() => tell({ type: "left", generation }));
}

function abort(generation: number): void {
  if (prepared?.update.generation === generation) {
    gateway.discard(prepared.change);
    prepared = undefined;
  }
  if (current !== undefined) parts.keepOnly(current);
}

async function retire(graceMs: number): Promise<void> {
  await gateway.retire(graceMs);
  process.exit(0);
}

async function stop(graceMs: number): Promise<void> {
  await gateway.stop(graceMs);
  process.exit(0);
}

// One after the other: an abort or a commit must not overtake the preparation that it is about.
let queue: Promise<void> = Promise.resolve();
port.on("message", (message: ToWorker) => {
  if (message.type === "ask") void answerTo(message, gateway).then(tell);
  else queue = queue.then(() => take(message));
});

function take(message: Exclude<ToWorker, { type: "ask" }>): Promise<void> | void {
  switch (message.type) {
    case "parts":
      return parts.add(message.update);
    case "prepare":
      return prepare(message.update);
    case "commit":
      return commit(message.generation);
    case "abort":
      return abort(message.generation);
    case "tickets":
      return gateway.listeners.rotateTickets(message.secret);
    case "stop-accepting":
      return gateway.listeners.stopAccepting().then(() => tell({ type: "accepting-stopped" }));
    case "retire":
      // Not waited for: the signal to stop may come meanwhile.
      void retire(message.graceMs);
      return;
    case "stop":
      return stop(message.graceMs);
  }
}
