/**
 * The reference pages, made from the code: `node tools/docs.ts --write` writes them, `--check` says which are stale (exit 1).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SHIPPED } from "../src/policies/index.ts";
import { configReference } from "./docs/config-reference.ts";
import { byHand, policyIndex, policyPage } from "./docs/policy-pages.ts";
import { reasonsPage } from "./docs/reasons-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Path and text of every made page. */
async function makePages(): Promise<Map<string, string>> {
  const policies = await Promise.all(Object.values(SHIPPED).map((load) => load()));
  const pages = new Map([
    ["docs/config-reference.md", configReference()],
    ["docs/reasons.md", reasonsPage(policies)],
    ["docs/policies/README.md", policyIndex(policies)],
  ]);
  for (const policy of policies) {
    const path = `docs/policies/${policy.name}.md`;
    pages.set(path, policyPage(policy, read(path)));
  }
  return pages;
}

function read(path: string): string {
  return existsSync(root + path) ? readFileSync(root + path, "utf8") : "";
}

/** What is wrong with the made pages as they are. */
export async function checkDocs(): Promise<string[]> {
  const pages = await makePages();
  const stale = [...pages]
    .filter(([path, text]) => read(path) !== text)
    .map(([path]) => `${path} is not what the code says: run npm run docs`);
  const silent = [...pages.keys()]
    .filter((path) => read(path).includes("<!-- by hand") && byHand(read(path)) === "")
    .map((path) => `${path} has no example: write one between its marks`);
  const lost = readdirSync(`${root}docs/policies`)
    .map((name) => `docs/policies/${name}`)
    .filter((path) => !pages.has(path))
    .map((path) => `${path} is of no policy: remove it`);
  return [...stale, ...silent, ...lost];
}

async function writeDocs(): Promise<void> {
  const pages = await makePages();
  mkdirSync(`${root}docs/policies`, { recursive: true });
  for (const [path, text] of pages) {
    if (read(path) === text) continue;
    writeFileSync(root + path, text);
    console.log(`wrote ${path}`);
  }
}

if (import.meta.main) {
  const [what] = process.argv.slice(2);
  if (what === "--write") await writeDocs();
  else if (what === "--check") {
    const problems = await checkDocs();
    for (const problem of problems) console.error(problem);
    process.exitCode = problems.length > 0 ? 1 : 0;
  } else {
    console.error("usage: node tools/docs.ts --write | --check");
    process.exitCode = 64;
  }
}
