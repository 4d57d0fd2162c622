import type { AdminSource, ExplainRequest, Readiness, ReloadResult } from "../admin/source.ts";
import { AdminProblem } from "../admin/source.ts";
import { masked } from "../config/secrets.ts";
import type { CertificateReading, RevocationReading } from "../observe/certificates.ts";
import { type ConsumersQuery, consumersView, readConsumersOf } from "../observe/consumers.ts";
import { readProcess } from "../observe/process-reading.ts";
import type { AcmeReading } from "../observe/prometheus.ts";
import { ConfigParts } from "./config-parts.ts";
import type { Question } from "./protocol.ts";
import type { Reloader } from "./reloader.ts";
import type { ServingWorker } from "./worker.ts";
import type { Workers } from "./workers.ts";

/** What the admin endpoints are shown. */
export interface AdminParts {
  readonly version: string;
  readonly reloader: Reloader;
  readonly workers: () => Workers | undefined;
  /** Certificates of the listeners in force. */
  readonly certificates: () => readonly CertificateReading[];
  readonly revocations: () => readonly RevocationReading[];
  /** Orders of certificates by ACME. */
  readonly acme: () => readonly AcmeReading[];
  /** Requests are accepted: not before the first config serves, not after the signal to stop. */
  readonly accepting: () => boolean;
  readonly reload: () => ReturnType<Reloader["reload"]>;
}

/** Answers the admin endpoints: from what the main thread knows, and from the workers. */
export class SupervisorSource implements AdminSource {
  readonly #parts: AdminParts;

  constructor(parts: AdminParts) {
    this.#parts = parts;
  }

  live(): boolean {
    return true;
  }

  ready(): Readiness {
    const reasons = [
      ...(this.#parts.accepting() ? [] : ["it does not accept connections"]),
      ...(this.#parts.reloader.generation > 0 ? [] : ["no config is loaded"]),
      ...(this.#parts.workers()?.troubles ?? ["no worker runs"]),
    ];
    return { ready: reasons.length === 0, reasons };
  }

  async metrics(): Promise<string> {
    const { metricsText } = await import("../observe/prometheus.ts");
    const workers = this.#workers();
    const { counts, generation } = this.#parts.reloader;
    return metricsText(
      workers.book.read(),
      {
        version: this.#parts.version,
        generation,
        lastReload: counts.lastSuccess === 0 ? undefined : counts.lastSuccess * 1_000,
        reloads: { ok: counts.ok, unchanged: counts.unchanged, refused: counts.refused },
        heartbeats: workers.ages,
        workerRestarts: workers.restarts,
        certificates: this.#parts.certificates(),
        revocations: this.#parts.revocations(),
        acme: this.#parts.acme(),
        consumers: readConsumersOf(this.#parts.reloader.base?.consumers),
        userPolicies: await this.#userPolicies(workers),
      },
      readProcess(),
    );
  }

  /** Versions in memory, in the worker that holds most of them. */
  async #userPolicies(workers: Workers): Promise<Record<string, number>> {
    const answers = await Promise.allSettled(
      workers.all.map((worker) => worker.ask<Record<string, number>>({ kind: "user-policies" })),
    );
    const most: Record<string, number> = {};
    for (const answer of answers)
      if (answer.status === "fulfilled")
        for (const [file, count] of Object.entries(answer.value))
          most[file] = Math.max(most[file] ?? 0, count);
    return most;
  }

  snapshot(): object {
    const update = this.#parts.reloader.whole();
    if (update === undefined) throw new AdminProblem(503, "not_ready", "no config is loaded");
    const config = new ConfigParts().assemble(update);
    return { generation: update.generation, workers: this.workers(), config: masked(config) };
  }

  consumers(query: ConsumersQuery): object {
    const { base } = this.#parts.reloader;
    if (base === undefined) throw new AdminProblem(503, "not_ready", "no config is loaded");
    return consumersView(base.consumers, query);
  }

  routes(): Promise<readonly object[]> {
    return this.#ask({ kind: "routes" });
  }

  async explain(request: ExplainRequest): Promise<object> {
    const explanation = await this.#ask<object>({ kind: "explain", request });
    if ("problem" in explanation)
      throw new AdminProblem(400, "parameter_invalid", String(explanation.problem));
    return explanation;
  }

  async reload(): Promise<ReloadResult> {
    const { ok, generation, problems, message, changed } = await this.#parts.reload();
    if (!ok && problems.length === 0) throw new AdminProblem(409, "reload_failed", message, { generation });
    return { ok, generation, problems, changed: changed ? [`generation ${generation}`] : [] };
  }

  profile(kind: "cpu" | "heap", seconds: number, index: number | undefined): Promise<string> {
    const { all } = this.#workers();
    const worker = index === undefined ? all[0] : all.find((one) => one.index === index);
    if (worker === undefined) throw new AdminProblem(404, "worker_unknown", `there is no worker ${index}`);
    return worker.ask({ kind: "profile", of: kind, seconds });
  }

  workers(): readonly object[] {
    const workers = this.#workers();
    const connections = workers.book.connections();
    return workers.indexes.map((index) => {
      const age = workers.ages[index];
      const worker = workers.all.find((one) => one.index === index);
      const serving = worker?.serving ?? false;
      return { index, serving, heartbeatAgeMs: age ?? null, connections: connections[index] ?? 0 };
    });
  }

  #workers(): Workers {
    const workers = this.#parts.workers();
    if (workers === undefined) throw new AdminProblem(503, "not_ready", "no worker runs");
    return workers;
  }

  /** Asks a worker that serves and is alive. */
  async #ask<T>(what: Question): Promise<T> {
    const workers = this.#workers();
    const alive = workers.all.filter((one: ServingWorker) => one.serving && !workers.isLate(one.index));
    if (alive[0] === undefined) throw new AdminProblem(503, "not_ready", "no worker serves");
    return await alive[0].ask<T>(what);
  }
}
