import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import type { ListenerConfig } from "../config/schema.ts";
import { notify } from "../supervisor/notify.ts";
import { StartError, Supervisor } from "../supervisor/supervisor.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { version } from "./version.ts";

/** `torana run FILE`: serves until SIGTERM or SIGINT. */
export const run: Command = {
  summary: "serve as a config says, until SIGTERM or Ctrl-C; SIGHUP and a changed file reload it",
  usage: "FILE [--takeover]",
  run: serve,
};

async function serve(args: readonly string[]): Promise<number> {
  const { file, takeover } = parse(args);
  const end = Promise.withResolvers<void>();
  const log = (line: string): void => console.error(`torana: ${line}`);
  const supervisor = new Supervisor({
    file,
    takeover,
    version: version(),
    log,
    followed: () => end.resolve(),
  });
  let signals = 0;
  const onSignal = (): void => {
    signals++;
    if (signals > 1) process.exit(EXIT.failed);
    end.resolve();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  process.on("SIGHUP", () => void supervisor.reload("SIGHUP"));
  process.on("SIGUSR1", () => void supervisor.reopenLogs());
  process.on("SIGUSR2", () => startFollower(file, log));
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    if (!(error instanceof StartError)) throw error;
    if ((error.refused.problems?.length ?? 0) > 0) {
      console.error(error.message);
      return EXIT.config;
    }
    log(error.message);
    return EXIT.failed;
  }
  for (const listener of supervisor.listeners)
    console.log(`listening on ${addressOf(listener)} (${listener.name})`);
  if (supervisor.adminPort !== undefined) console.log(`admin on port ${supervisor.adminPort}`);
  await notify("--ready", `MAINPID=${process.pid}`);
  await end.promise;
  if (!supervisor.isFollowed) await notify("--stopping");
  await supervisor.stop();
  return EXIT.ok;
}

function parse(args: readonly string[]): { file: string; takeover: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { takeover: { type: "boolean", default: false } },
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new UsageError("one config file is needed");
    return { file, takeover: values.takeover };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

/** Starts the program anew, as it is on disk now, to take over from this process: an upgrade without a pause. */
function startFollower(file: string, log: (line: string) => void): void {
  const launcher = process.env["TORANA_LAUNCHER"];
  const [command, args] =
    launcher === undefined ? [process.execPath, [...process.execArgv, process.argv[1]!]] : [launcher, []];
  const next = spawn(command, [...args, "run", file, "--takeover"], { stdio: "inherit", detached: true });
  next.once("error", ({ message }) => log(`no process that takes over could be started: ${message}`));
  next.once("exit", (code, signal) => log(`the process that was to take over ended (${code ?? signal})`));
  next.unref();
}

function addressOf({ address: { host, port, socket } }: ListenerConfig): string {
  if (socket !== undefined) return `unix:${socket}`;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
