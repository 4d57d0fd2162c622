/** A reader who follows a page in a checkout: commands run in order, those that serve go on in terminals of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { until, within } from "../support/wait.ts";
import { type Block, fileOf } from "./blocks.ts";
import { difference } from "./expect.ts";

const ROOT: string = resolve(import.meta.dirname, "../..");

/** Ports that the docs use. */
const PORTS: readonly string[] = ["8080", "8081", "9001", "9002", "9003", "9004", "9901"];

/** Commands that go on until they are stopped, and what they say when they are ready. */
const SERVES: readonly (readonly [command: RegExp, ready: RegExp])[] = [
  [/^npm start/m, /Ctrl-C/],
  [/^bin\/torana run/m, /listening on/],
  [/^node_modules\/\.bin\/node examples\//m, /http:\/\//],
  [/^curl -\w*N/m, /./],
];

/** Below the ports that the system gives to those who ask for any, so that no other test takes them. */
const RANGE: readonly [number, number] = [20_000, 30_000];

const COPIED = ["examples", "README.md", "package.json"];
const LINKED = ["bin", "src", "node_modules", "tools", "docs"];
const LONGEST = 60_000;

/** One command and what it said so far. */
interface Running {
  readonly child: ChildProcess;
  readonly block: Block;
  readonly ended: Promise<number>;
  output: string;
  over: boolean;
}

/** A folder like a checkout, with ports of its own, and what runs there. */
export class Reader implements AsyncDisposable {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "torana-docs-"));
  readonly #ports: ReadonlyMap<string, string>;
  readonly #serving: Running[] = [];
  #last: Running | undefined = undefined;

  private constructor(ports: ReadonlyMap<string, string>) {
    this.#ports = ports;
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(this.#folder, name));
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.#folder, name), { recursive: true });
    for (const path of readdirSync(join(this.#folder, "examples"), { recursive: true, encoding: "utf8" }))
      if (/\.(?:yaml|json|ts|mjs)$/.test(path)) this.#readdress(join(this.#folder, "examples", path));
  }

  /** A reader with free ports. */
  static async arrive(): Promise<Reader> {
    const free = new Set<string>();
    while (free.size < PORTS.length) {
      const port = randomInt(...RANGE);
      if (await isFree(port)) free.add(String(port));
    }
    const own = [...free];
    return new Reader(new Map(PORTS.map((port, i) => [port, own[i]!])));
  }

  /** The port that stands for one of the docs. */
  portOf(port: string): number {
    return Number(this.#ports.get(port));
  }

  #readdress(file: string): void {
    writeFileSync(file, this.#here(readFileSync(file, "utf8")));
  }

  /** Text of the docs with the ports of this reader. */
  #here(text: string): string {
    return text.replace(/\b(?:8080|8081|900[1-4]|9901)\b/g, (port) => this.#ports.get(port)!);
  }

  /** What a program said, with the ports of the docs. */
  #there(text: string): string {
    let result = text;
    for (const [port, own] of this.#ports) result = result.replaceAll(new RegExp(`\\b${own}\\b`, "g"), port);
    return result;
  }

  /** Writes the file that a block shows, where it shows one. */
  write(block: Block): void {
    const name = fileOf(block);
    if (name === undefined) return;
    const path = join(this.#folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${this.#here(block.text)}\n`);
  }

  /** Runs a block; one that serves goes on behind the others. */
  async run(block: Block): Promise<void> {
    const ready = SERVES.find(([command]) => command.test(block.text))?.[1];
    // What serves takes the place of its shell, so that the exit code is its own.
    const running = this.#start(block, ready === undefined ? block.text : `exec ${block.text}`);
    this.#last = running;
    if (ready !== undefined) {
      this.#serving.push(running);
      await until(`${block.text} to serve`, () => running.over || ready.test(running.output));
      return;
    }
    const code = await within(block.text, running.ended, LONGEST);
    if (code !== block.exit)
      throw new Error(
        `line ${block.line}: exit code ${code}, not ${block.exit}:\n${block.text}\n${running.output}`,
      );
  }

  #start(block: Block, command: string): Running {
    const child = spawn("sh", ["-e", "-c", this.#here(command)], {
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, NO_COLOR: "1", XDG_RUNTIME_DIR: this.#folder, NODE_TEST_CONTEXT: undefined },
    });
    const ended = new Promise<number>((done) => {
      child.once("close", (code, signal) => {
        running.over = true;
        done(code ?? (signal === "SIGINT" ? 130 : 1));
      });
    });
    const running: Running = { child, block, ended, output: "", over: false };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        running.output += text;
      });
    return running;
  }

  /** Waits for the end of the last command; its exit code. */
  ended(): Promise<number> {
    if (this.#last === undefined) throw new Error("nothing was run before");
    return within(this.#last.block.text, this.#last.ended);
  }

  /** Waits until what the last command, or one that still serves, said is as this block shows. */
  async compare(block: Block): Promise<void> {
    const sources = [this.#last, ...this.#serving].filter((one) => one !== undefined);
    if (sources.length === 0) throw new Error(`line ${block.line}: nothing was run before`);
    const differences = (): (string | undefined)[] =>
      sources.map(({ output }) => difference(block, this.#there(output)));
    const same = (): boolean => differences().includes(undefined);
    await until(`line ${block.line}`, () => same() || sources.every(({ over }) => over)).catch(
      () => undefined,
    );
    if (same()) return;
    throw new Error(`line ${block.line}: ${differences()[0]}:\n${this.#there(sources[0]!.output)}`);
  }

  /** Ctrl-C for everything that serves, the youngest first; each has to end by itself. */
  async leave(): Promise<void> {
    for (const { child, ended, block, over } of this.#serving.reverse()) {
      if (over) continue;
      process.kill(-child.pid!, "SIGINT");
      const code = await within(`${block.text} to end at Ctrl-C`, ended);
      const ownEnd = /^(?:npm start|bin\/torana run)/m.test(block.text);
      if (ownEnd && code !== block.exit)
        throw new Error(`line ${block.line}: exit code ${code} after Ctrl-C`);
    }
    this.#serving.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, over, ended } of this.#serving) {
      if (!over) process.kill(-child.pid!, "SIGKILL");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((found) => {
    const server = createServer();
    server.once("error", () => found(false));
    server.listen(port, "127.0.0.1", () => server.close(() => found(true)));
  });
}
