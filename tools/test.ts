/** Runs every test with node:test: the end-to-end suites once in each way of reading sockets. */
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const only = process.argv.slice(2);
const find = (pattern: string): string[] =>
  globSync(pattern, { cwd: root })
    .filter((file) => only.length === 0 || only.some((part) => file.includes(part)))
    .map((file) => root + file)
    .sort();

const twice = find("test/{e2e,conformance,contract}/**/*.test.ts");
const once = find("{src,test,tools,bench}/**/*.test.ts").filter((file) => !twice.includes(file));

let passed = 0;
let failed = 0;
let skipped = 0;

async function suite(title: string, files: string[], readMode: string): Promise<void> {
  if (files.length === 0) return;
  console.log(`\n${title}`);
  process.env["TORANA_READ_MODE"] = readMode;
  const stream = run({ files, concurrency: 2, timeout: 240_000 });
  stream.on("test:summary", ({ file, counts }) => {
    if (file !== undefined) return;
    passed += counts.passed;
    failed += counts.tests - counts.passed - counts.skipped - counts.todo;
    skipped += counts.skipped;
  });
  const output = stream.compose(spec());
  for await (const chunk of output) process.stdout.write(chunk as string);
}

await suite("unit", once, "auto");
await suite("end to end, sockets read by onread", twice, "onread");
await suite("end to end, sockets read by data events", twice, "data");

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
