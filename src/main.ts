import { run } from "./cli/run.ts";

const USAGE = "usage: torana run FILE";

const [command, ...rest] = process.argv.slice(2);
if (command === "run" && rest.length === 1) process.exit(await run(rest[0]!));
else if (command === "--help" || command === "-h") console.log(USAGE);
else {
  console.error(USAGE);
  process.exit(64);
}
