import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { ListenerConfig } from "../config/schema.ts";
import { expiryLine } from "../observe/consumers.ts";
import { createLimitMemory, type LimitMemory } from "../stores/limit-memory.ts";
import { CertificateKeeper } from "./acme/keeper.ts";
import { Addresses } from "./addresses.ts";
import { Admin } from "./admin.ts";
import { SupervisorSource } from "./admin-source.ts";
import { Again } from "./again.ts";
import { ControlConnection, ControlServer, controlPath } from "./control.ts";
import { ExpiryWatch } from "./expiry-watch.ts";
import { LimitFile, limitFile } from "./limit-file.ts";
import { workersOn } from "./port-sharing.ts";
import type { ConfigUpdate, RefusedUpdate } from "./protocol.ts";
import { Reloader, type ReloadResult } from "./reloader.ts";
import { FileWatch } from "./watch.ts";
import { Workers } from "./workers.ts";

/** How long one process waits for another's word, in milliseconds. */
const PATIENCE = 15_000;

/** How a process is run. */
export interface SupervisorOptions {
  readonly file: string;
  readonly log: (line: string) => void;
  /** The program's version. */
  readonly version: string;
  /** Take over from the process that runs with the same config file, where there is one. */
  readonly takeover: boolean;
  /** The process ends because another took over. */
  readonly followed: () => void;
}

/** What keeps a process from starting: problems of the config, or anything else in words. */
export class StartError extends Error {
  readonly refused: RefusedUpdate;

  constructor(refused: RefusedUpdate) {
    super(refused.message);
    this.refused = refused;
  }
}

/** The main thread: reads configs, keeps workers, hands over. It runs no request and no code of users. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #addresses = new Addresses();
  readonly #reloader: Reloader;
  readonly #watch: FileWatch;
  readonly #again: Again;
  readonly #admin: Admin;
  readonly #acme: CertificateKeeper;
  readonly #expiry: ExpiryWatch;
  #limits: LimitFile | undefined = undefined;
  #workers: Workers | undefined = undefined;
  #control: ControlServer | undefined = undefined;
  #stopping = false;
  #followed = false;
  #handing = false;
  #started = false;
  /** Unix sockets of the process that this one follows. */
  #inherited: readonly string[] = [];
  /** How long what is in flight may take at the end, in milliseconds. */
  #stopTimeout = 30_000;

  constructor(options: SupervisorOptions) {
    const file = resolve(options.file);
    this.#options = { ...options, file };
    this.#acme = new CertificateKeeper({ log: options.log, reload: (why) => this.reload(why) });
    this.#expiry = new ExpiryWatch(options.log);
    this.#watch = new FileWatch(() => void this.reload("a file changed"));
    this.#again = new Again(() => void this.reload("a source of certificates is asked again"));
    this.#reloader = new Reloader({
      file,
      again: (ms) => this.#again.set(ms),
      files: (files, since) => this.#watch.set(files, since),
      settle: async (written) => {
        const update = await this.#acme.settle(written);
        const listeners = await this.#addresses.settle(update.base.listeners);
        return { ...update, base: { ...update.base, listeners } };
      },
      change: (update, accept) => this.#change(update, accept),
    });
    const source = new SupervisorSource({
      version: options.version,
      reloader: this.#reloader,
      workers: () => this.#workers,
      certificates: () => this.#expiry.certificates,
      revocations: () => this.#expiry.revocations,
      acme: () => this.#acme.readings,
      accepting: () => !this.#stopping,
      reload: () => this.reload("POST /reload"),
    });
    this.#admin = new Admin(source, options.log);
  }

  /** Starts: reads the config, starts the workers, and follows a running process where that is asked for. */
  async start(): Promise<void> {
    const old = this.#options.takeover ? await this.#meet() : undefined;
    const result = await this.#reloader.reload();
    if (!result.ok) throw new StartError({ problems: result.problems, message: result.message });
    if (old !== undefined) await this.#follow(old);
    await this.#startAdmin();
    this.#started = true;
    await this.#moveAdmin(this.#reloader.base?.admin); // a reload may have come between
    await this.#openControl();
  }

  async #openControl(): Promise<void> {
    const { file, log } = this.#options;
    try {
      this.#control = await ControlServer.open(
        controlPath(file),
        (connection) => void this.#meetNext(connection),
      );
    } catch (error) {
      log(`no other process can take over from this one: ${(error as Error).message}`);
    }
  }

  async #startAdmin(): Promise<void> {
    const admin = this.#reloader.base?.admin;
    try {
      await this.#admin.moveTo(admin);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      throw new StartError({
        problems: undefined,
        message: `the admin endpoints cannot have ${admin?.host}:${admin?.port}: ${code}`,
      });
    }
  }

  /** The process that runs with this config file. */
  async #meet(): Promise<ControlConnection | undefined> {
    const connection = await ControlConnection.to(controlPath(this.#options.file));
    if (connection === undefined) {
      this.#options.log("no process runs with this config: there is nothing to take over");
      return undefined;
    }
    connection.send({ type: "hello", pid: process.pid });
    const answer = await connection.next(PATIENCE);
    if (answer?.type !== "here") {
      this.#options.log("the process that runs with this config does not hand over");
      connection.close();
      return undefined;
    }
    this.#options.log(`taking over from process ${answer.pid}`);
    this.#addresses.inherit(answer.ports);
    this.#inherited = answer.sockets;
    return connection;
  }

  /** This process serves: the old one is told, and waited for until it has let go. */
  async #follow(old: ControlConnection): Promise<void> {
    old.send({ type: "serving" });
    const released = await old.next(PATIENCE);
    old.close();
    await this.#limits?.catchUp();
    this.#inherited = [];
    this.#options.log(released === undefined ? "took over from a process that did not let go" : "took over");
  }

  /** Another process wants to follow this one; a second one meanwhile is turned away. */
  async #meetNext(connection: ControlConnection): Promise<void> {
    if (this.#handing || this.#stopping) {
      connection.close();
      return;
    }
    this.#handing = true;
    try {
      await this.#handOver(connection);
    } catch (error) {
      this.#options.log(`handing over failed: ${(error as Error).message}`);
    }
    this.#handing = false;
    if (!this.#followed) connection.close();
  }

  async #handOver(connection: ControlConnection): Promise<void> {
    const hello = await connection.next(PATIENCE);
    if (hello?.type !== "hello") return;
    const { settled: ports } = this.#addresses;
    const sockets = this.listeners.flatMap(({ address: { socket } }) => socket ?? []);
    connection.send({ type: "here", pid: process.pid, ports, sockets });
    const serving = await connection.next();
    if (serving?.type !== "serving" || this.#stopping) return;
    this.#options.log(`process ${hello.pid} takes over`);
    this.#followed = true;
    this.#watch.close();
    this.#again.close();
    void this.#acme.close();
    this.#reloader.close();
    try {
      await this.#workers!.stopAccepting();
      await this.#limits?.close();
      this.#control?.close();
      await this.#admin.close();
    } finally {
      connection.send({ type: "released" });
      this.#options.followed();
    }
  }

  async #change(update: ConfigUpdate, accept: () => void): Promise<RefusedUpdate | undefined> {
    const { workers, stopTimeout } = update.base;
    const wanted = workers === "auto" ? availableParallelism() : workers;
    const count = workersOn(wanted);
    if (this.#workers === undefined && count < wanted)
      this.#options.log("one worker serves: this system does not share a port among several");
    if (this.#workers === undefined)
      this.#workers = new Workers({
        count,
        limits: await this.#openLimits(update, count),
        series: update.base.metricSeries,
        memory: update.base.workerMemory,
        file: this.#options.file,
        log: this.#options.log,
        current: () => this.#reloader.whole(),
        follows: () => this.#inherited,
        left: (generation) => this.#recycle(generation),
        back: () => void this.reload("a worker serves again"),
      });
    else if (count !== this.#workers.count)
      this.#options.log(
        `the number of workers stays ${this.#workers.count} until the next start or takeover`,
      );
    const refused = await this.#workers.change(update, () => {
      accept();
      this.#addresses.accept();
      this.#stopTimeout = stopTimeout;
      this.#expiry.set(update.base.listeners);
    });
    const expiring = refused === undefined ? expiryLine(update.base.consumers, Date.now()) : undefined;
    if (expiring !== undefined) this.#options.log(expiring);
    if (refused !== undefined) return refused;
    // A process that is followed still has the address; it is taken over with the rest.
    if (this.#started && !this.#stopping) await this.#moveAdmin(update.base.admin);
    if (!this.#stopping && !this.#followed) this.#acme.set(update.base.listeners);
    void this.#workers.renew(stopTimeout);
    return undefined;
  }

  /** The memory that limits are counted in, with what was kept of quotas. */
  async #openLimits({ base: { limitEntries, state } }: ConfigUpdate, count: number): Promise<LimitMemory> {
    const { file, log } = this.#options;
    this.#limits = new LimitFile(limitFile(file, state), log);
    const hashKey = await this.#limits.read();
    const memory = createLimitMemory({ entries: limitEntries, workers: count + 1, hashKey });
    this.#limits.start(memory);
    return memory;
  }

  async #moveAdmin(admin: ConfigUpdate["base"]["admin"]): Promise<void> {
    try {
      await this.#admin.moveTo(admin);
    } catch (error) {
      this.#options.log(`the admin endpoints cannot have their address: ${(error as Error).message}`);
    }
  }

  /** No worker uses an older config: what was counted for routes that are gone is let go of. */
  #recycle(generation: number): void {
    if (generation < this.#reloader.generation) return;
    const current = this.#reloader.whole();
    if (current === undefined) return;
    const living = new Set<string>();
    for (const [, , names] of current.newRoutes) {
      const [name, ...services] = names.split("\0");
      for (const service of ["", ...services]) living.add(`${name}\0${service}`);
    }
    this.#workers?.book.recycle((route, service) => !living.has(`${route}\0${service}`));
  }

  /** Brings what serves to what the files say; tells the log what came of it. */
  async reload(why: string): Promise<ReloadResult> {
    const result = await this.#reloader.reload();
    const took = `${Math.round(result.duration)} ms`;
    const { log } = this.#options;
    if (this.#stopping || this.#followed) return result;
    if (!result.ok) log(`reload (${why}): the config before stays in force\n${result.message}`);
    else if (result.changed) log(`reload (${why}): generation ${result.generation} serves after ${took}`);
    else log(`reload (${why}): nothing changed`);
    return result;
  }

  /** Log files are opened anew: they were moved away. */
  async reopenLogs(): Promise<void> {
    const all = this.#workers?.all ?? [];
    const results = await Promise.allSettled(all.map((worker) => worker.ask({ kind: "reopen" })));
    const failed = results.filter(({ status }) => status === "rejected").length;
    this.#options.log(
      failed === 0 ? "log files are open anew" : `${failed} workers did not open their log files`,
    );
  }

  /** Port of the admin endpoints; undefined without them. */
  get adminPort(): number | undefined {
    return this.#admin.port;
  }

  /** Another process took over. */
  get isFollowed(): boolean {
    return this.#followed;
  }

  /** Where it listens. */
  get listeners(): readonly ListenerConfig[] {
    return this.#reloader.base?.listeners ?? [];
  }

  /** Answers what is in flight, then ends all workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#watch.close();
    this.#again.close();
    const certificates = this.#acme.close();
    this.#expiry.close();
    this.#reloader.close();
    this.#control?.close();
    await this.#workers?.stop(this.#stopTimeout);
    await this.#limits?.close();
    await certificates;
    await this.#admin.close();
  }
}
