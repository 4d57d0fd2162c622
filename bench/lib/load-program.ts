/** Load programs of our own (bench/load/*.ts): one process each on the load's core, spoken to by messages. */
import { join } from "node:path";
import { BenchFailure } from "./failure.ts";
import { launch, type Program } from "./process.ts";
import { ROOT } from "./root.ts";

export interface LoadProgramSpec {
  /** File name in bench/load/. */
  readonly file: string;
  readonly core: number | readonly number[];
  readonly files?: number;
  readonly spareTimeOnly?: boolean;
  readonly nodeOptions?: readonly string[];
}

/** A load program that takes one order at a time. */
export class LoadProgram implements AsyncDisposable {
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  /** Sends an order and waits for its answer. */
  order<Answer>(order: object | string, timeoutMs: number): Promise<Answer> {
    const { child, name } = this.program;
    const answer = new Promise<Answer>((resolve, reject) => {
      const fail = (problem: string): void =>
        reject(new BenchFailure(`${name} ${problem}:\n${this.program.output}`));
      const onMessage = (message: unknown): void => {
        clearTimeout(timer);
        child.off("exit", onExit);
        resolve(message as Answer);
      };
      const onExit = (): void => {
        clearTimeout(timer);
        fail("ended instead of answering");
      };
      const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
      child.once("message", onMessage);
      child.once("exit", onExit);
    });
    child.send(order);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL"); // it holds nothing that wants an orderly end
  }
}

/** Starts a load program and waits until it says that it is ready. */
export async function startLoadProgram(spec: LoadProgramSpec): Promise<LoadProgram> {
  const { file, core, files, spareTimeOnly, nodeOptions = [] } = spec;
  const program = await launch({
    name: file,
    command: process.execPath,
    args: [...nodeOptions, join(ROOT, "bench/load", file)],
    core,
    files,
    spareTimeOnly,
    channel: true,
  });
  await new Promise<void>((ready, reject) => {
    program.child.once("message", () => ready());
    program.child.once("exit", () => reject(new BenchFailure(`${file} did not start:\n${program.output}`)));
  });
  return new LoadProgram(program);
}
