/** Programs under test and their load: started on a core of their own, stopped by their own pid. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { BenchFailure, must } from "./failure.ts";
import { waitForPort } from "./ports.ts";

export interface LaunchSpec {
  /** How it is called in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The only core, or cores, that it may use. */
  readonly core: number | readonly number[];
  /** Open files that it needs; default: what this process may open. */
  readonly files?: number | undefined;
  /** True runs it in the scheduler's idle class: it uses spare time only and gives way to all others at once. */
  readonly spareTimeOnly?: boolean | undefined;
  /** True opens a message channel as `child_process.fork` does. */
  readonly channel?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** It is ready when this port takes connections, or when its output matches. */
  readonly ready?: number | RegExp | undefined;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});

/** One started program. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly #ended: Promise<void>;
  #output = "";
  #stopping = false;

  constructor(name: string, child: ChildProcess) {
    must(child.pid !== undefined, `${name} could not be started: is it installed?`);
    this.name = name;
    this.pid = child.pid;
    this.child = child;
    running.add(child);
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString("utf8")).slice(-16_384);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    this.#ended = new Promise((done) => child.once("exit", () => done()));
    child.once("exit", () => running.delete(child));
  }

  /** The end of what it wrote to stdout and stderr. */
  get output(): string {
    return this.#output;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Throws with its last words when it has ended by itself. */
  assertAlive(): void {
    const end = this.child.signalCode ?? `exit code ${this.child.exitCode}`;
    must(this.alive || this.#stopping, `${this.name} ended by itself (${end}):\n${this.#output}`);
  }

  /** Waits until its output matches, and returns the match. */
  async waitForOutput(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      this.assertAlive();
      must(
        Date.now() < deadline,
        `${this.name} did not say ${pattern} within ${timeoutMs} ms:\n${this.#output}`,
      );
      await pause(20);
    }
  }

  /** Waits for its end; rejects after `timeoutMs`. */
  async ended(timeoutMs: number): Promise<void> {
    const late = AbortSignal.timeout(timeoutMs);
    const timer = new Promise<never>((_, reject) => {
      late.onabort = () => reject(new BenchFailure(`${this.name} still runs after ${timeoutMs} ms`));
    });
    await Promise.race([this.#ended, timer]);
  }

  /** Ends it: SIGTERM, and SIGKILL after 5 s. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#stopping = true;
    if (!this.alive) return;
    this.child.kill(signal);
    const hard = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(hard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a program and waits until it is ready. The wrappers (prlimit, taskset, chrt) exec, so the pid is its own. */
export async function launch(spec: LaunchSpec): Promise<Program> {
  const [command, ...args] = [...wrappers(spec), spec.command, ...spec.args];
  const child = spawn(command!, args, {
    stdio: spec.channel ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...spec.env },
  });
  child.on("error", () => {}); // the constructor reports it: no pid
  const program = new Program(spec.name, child);
  try {
    if (typeof spec.ready === "number") await waitForPort(spec.ready, () => program.assertAlive());
    else if (spec.ready) await program.waitForOutput(spec.ready);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return program;
}

function wrappers(spec: LaunchSpec): string[] {
  const words: string[] = [];
  const { soft, hard } = openFiles();
  if (spec.files !== undefined && spec.files > soft) {
    const allowed = spec.files <= hard || mayRaiseLimits();
    must(
      allowed,
      `${spec.name} needs ${spec.files} open files, the hard limit is ${hard}: raise it (ulimit -Hn)`,
    );
    words.push("prlimit", `--nofile=${spec.files}:${Math.max(spec.files, hard)}`);
  }
  words.push("taskset", "-c", String(spec.core));
  if (spec.spareTimeOnly) words.push("chrt", "-i", "0");
  return words;
}

function openFiles(): { soft: number; hard: number } {
  const [, soft, hard] =
    /^Max open files +(\d+) +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return { soft: Number(soft ?? 1_024), hard: Number(hard ?? 1_024) };
}

/** Whether this process has CAP_SYS_RESOURCE, which root in a container often lacks. */
function mayRaiseLimits(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** The first line that a short command prints (stdout or stderr), for versions. */
export function firstLineOf(command: string, ...args: string[]): string {
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (error) return `${command}: not found`;
  return `${stdout}${stderr}`.trim().split("\n")[0] ?? "";
}

/** Resolves after so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
