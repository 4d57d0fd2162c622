/** A gateway that a scenario changes while it serves: `torana run` on a JSON config of its own, with its admin endpoints. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Asked, ask } from "./ask.ts";
import { BenchFailure, must } from "./failure.ts";
import { freePorts } from "./ports.ts";
import { launch, type Program } from "./process.ts";
import { ROOT } from "./root.ts";

export interface BenchGatewaySpec {
  /** Folder of its own: config, policies, control socket. */
  readonly folder: string;
  readonly core: number | readonly number[];
  readonly workers: number;
  /** Routes, services and what else the config holds. */
  readonly config: object;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** `tls` of its listener; default none. */
  readonly tls?: object | undefined;
}

interface Waiting {
  readonly serves: (at: number) => void;
  readonly refused: (error: Error) => void;
  /** Files are renamed one by one: what is refused in between comes right by itself. */
  readonly patient: boolean;
}

/** Where it listens, apart from what a scenario changes. */
interface Place {
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  readonly workers: number;
  readonly tls: object | undefined;
}

/** A running gateway. */
export class BenchGateway implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  readonly adminPort: number;
  readonly #place: Place;
  /** Times that a config was refused for which `replaceFiles` was patient. */
  refusals = 0;
  #text = "";
  #waiting: Waiting | undefined = undefined;

  constructor(program: Program, place: Place) {
    this.program = program;
    this.port = place.port;
    this.adminPort = place.adminPort;
    this.#place = place;
    program.child.stderr?.on("data", (chunk: Buffer) => this.#heard(chunk.toString("utf8")));
    program.child.once("exit", () =>
      this.#waiting?.refused(new BenchFailure(`it ended:\n${program.output}`)),
    );
  }

  get pid(): number {
    return this.program.pid;
  }

  #heard(text: string): void {
    const now = performance.now();
    this.#text += text;
    if (/generation \d+ serves after/.test(this.#text)) this.#waiting?.serves(now);
    else if (/stays in force\n.*\n/.test(this.#text)) this.#refused();
  }

  #refused(): void {
    if (!this.#waiting?.patient)
      this.#waiting?.refused(new BenchFailure(`the config was refused:\n${this.#text}`));
    this.refusals += 1;
    this.#text = "";
  }

  /** The text that `replace` takes: made before the clock runs. */
  textOf(config: object): string {
    return textOf(this.#place, config);
  }

  /** Replaces the config file (and others in its folder); gives the milliseconds until the log says that it serves. */
  replace(config: string, others: Readonly<Record<string, string>> = {}): Promise<number> {
    return this.replaceFiles({ "torana.json": config, ...others });
  }

  /** Replaces files that the config names, by their paths in its folder, whatever is refused in between, if `patient`. */
  async replaceFiles(texts: Readonly<Record<string, string>>, patient = false): Promise<number> {
    const files = Object.entries(texts);
    for (const [name, text] of files) writeFileSync(join(this.#place.folder, `${name}.new`), text);
    this.#text = "";
    const { promise, resolve: serves, reject: refused } = Promise.withResolvers<number>();
    this.#waiting = { serves, refused, patient };
    const late = setTimeout(
      () => refused(new BenchFailure(`a changed file was not served within 30 s:\n${this.program.output}`)),
      30_000,
    );
    const started = performance.now();
    for (const [name] of files) {
      const path = join(this.#place.folder, name);
      renameSync(`${path}.new`, path);
    }
    try {
      return (await promise) - started;
    } finally {
      clearTimeout(late);
      this.#waiting = undefined;
    }
  }

  /** Asks an admin endpoint. */
  async admin(path: string): Promise<Asked> {
    const answer = await ask(this.adminPort, path, { host: `127.0.0.1:${this.adminPort}` });
    must(answer.status === 200, `${path} answered ${answer.status}: ${answer.body.toString("utf8", 0, 300)}`);
    return answer;
  }

  /** The gateway that takes over from this one; gives it when it serves and this one takes no more connections. */
  async takeover(spec: BenchGatewaySpec): Promise<BenchGateway> {
    return new BenchGateway(await run(spec, "--takeover"), this.#place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
  }
}

/** Starts it and waits until it serves. */
export async function startBenchGateway(spec: BenchGatewaySpec): Promise<BenchGateway> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const { folder, workers, tls } = spec;
  const place = { folder, port, adminPort, workers, tls };
  writeFileSync(join(folder, "torana.json"), textOf(place, spec.config));
  return new BenchGateway(await run(spec), place);
}

function run({ folder, core, env }: BenchGatewaySpec, ...more: string[]): Promise<Program> {
  return launch({
    name: "torana",
    command: join(ROOT, "bin/torana"),
    args: ["run", join(folder, "torana.json"), ...more],
    core,
    env: { XDG_RUNTIME_DIR: folder, ...env },
    ready: /admin on port \d+/,
  });
}

function textOf({ port, adminPort, workers, tls }: Place, config: object): string {
  const listeners = [{ name: "public", address: `127.0.0.1:${port}`, tls }];
  return JSON.stringify({ admin: `127.0.0.1:${adminPort}`, workers, listeners, ...config });
}
