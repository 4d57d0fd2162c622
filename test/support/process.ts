/** `torana run` as its users have it: a process of its own, from a config file in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { within } from "./wait.ts";

const TORANA: string = resolve(import.meta.dirname, "../../bin/torana");

/** A running process. */
export class ToranaProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #exit: Promise<number | null>;
  output = "";
  #waiting: { pattern: RegExp; found: (match: RegExpExecArray) => void; fail: (error: Error) => void }[] = [];
  #seen = 0;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, program: string = TORANA) {
    this.child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    const keep = (chunk: Buffer): void => {
      this.output += chunk.toString();
      this.#look();
    };
    this.child.stdout!.on("data", keep);
    this.child.stderr!.on("data", keep);
    this.#exit = new Promise((done) => {
      this.child.once("close", (code) => {
        for (const { pattern, fail } of this.#waiting)
          fail(new Error(`it ended (${code}) without saying ${pattern}:\n${this.output}`));
        done(code);
      });
    });
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ pattern, found }) => {
      const match = pattern.exec(this.output.slice(this.#seen));
      if (match !== null) found(match);
      return match === null;
    });
  }

  /** Waits until its output, from the last `forget` on, matches. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    const said = new Promise<RegExpExecArray>((found, fail) => {
      if (this.child.exitCode !== null)
        fail(new Error(`it ended (${this.child.exitCode}) before:\n${this.output}`));
      this.#waiting.push({ pattern, found, fail });
      this.#look();
    });
    return within(`the process to say ${pattern}, which said:\n${this.output}`, said, 30_000);
  }

  /** What it said so far does not count any more. */
  forget(): void {
    this.#seen = this.output.length;
  }

  /** Sends a signal. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The exit code; null when a signal ended it. */
  get exit(): Promise<number | null> {
    return this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.#exit;
  }
}

/** A folder with a config, and the processes that run with it. */
export class ProcessStage implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "torana-test-"));
  readonly file: string = join(this.folder, "torana.json");
  readonly #processes: ToranaProcess[] = [];

  /** Writes the config: at once, as most programs replace a file. */
  write(config: object): void {
    this.add("torana.json", JSON.stringify(config, undefined, 2));
  }

  /** Writes another file of the folder. */
  add(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Starts `torana run` and waits until it listens; gives it with the ports of its listeners. */
  async run(...args: string[]): Promise<{ process: ToranaProcess; port: number }> {
    const process = this.start("run", this.file, ...args);
    const [, port] = await process.says(/listening on 127\.0\.0\.1:(\d+)/);
    return { process, port: Number(port) };
  }

  /** Starts any command. */
  start(...args: string[]): ToranaProcess {
    const process = new ToranaProcess(args, { XDG_RUNTIME_DIR: this.folder });
    this.#processes.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
