import { type Command, EXIT, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { version } from "./version.ts";

/** Runs the command that a command line asks for; gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name = "--help", ...args] = argv;
  if (name === "--version" || name === "-v") {
    console.log(`torana ${version()} (node ${process.versions.node})`);
    return EXIT.ok;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    console.log(await help());
    return argv.length === 0 ? EXIT.usage : EXIT.ok;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    console.error(`torana: there is no command ${JSON.stringify(name)}; torana --help lists them`);
    return EXIT.usage;
  }
  const command = await load();
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usageOf(name, command));
    return EXIT.ok;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`torana ${name}: ${error.message}\n${usageOf(name, command)}`);
    return EXIT.usage;
  }
}

function usageOf(name: string, { summary, usage }: Command): string {
  return `usage: torana ${name} ${usage}\n${summary}`;
}

async function help(): Promise<string> {
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => ({ name, command: await load() })),
  );
  const lines = commands.map(({ name, command }) => `  ${name.padEnd(10)}${command.summary}`);
  return [
    "usage: torana COMMAND [ARGUMENTS]",
    "",
    ...lines,
    "",
    "torana COMMAND --help tells more; torana --version tells which one this is.",
    "Exit codes: 0 done, 1 it failed, 2 the config has problems, 64 the command line is not understood.",
  ].join("\n");
}
