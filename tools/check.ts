/** Everything that is checked without running the product: types, lint and format, imports by room, file sizes, pages made from the code. */
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
  // Loaded late: it imports the product, and what does not compile is better told by the compiler.
  report("docs", await (await import("./docs.ts")).checkDocs()),
];
if (passed.includes(false)) process.exit(1);
console.log("types, lint, imports, sizes and made pages are in order");
