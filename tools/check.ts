/** Everything that is checked without running the product: types, lint and format, imports by room, file sizes. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { checkImports } from "./check-imports.ts";
import { checkSizes } from "./check-sizes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command: string, ...args: string[]): boolean {
  const { status } = spawnSync(`${root}node_modules/.bin/${command}`, args, { cwd: root, stdio: "inherit" });
  return status === 0;
}

function report(title: string, problems: readonly string[]): boolean {
  for (const problem of problems) console.error(`${title}: ${problem}`);
  return problems.length === 0;
}

const passed = [
  run("tsc", "--noEmit"),
  run("biome", "check", "."),
  report("imports", checkImports(root)),
  report("sizes", checkSizes(root)),
];
if (passed.includes(false)) process.exit(1);
console.log("types, lint, imports and sizes are in order");
