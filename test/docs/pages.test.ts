/** What the pages say that no command shows: examples of config, the walk, measured numbers, pages made from the code. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { load as parse } from "js-yaml";
import { checkConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { PHASES } from "../../src/pipeline/phases.ts";
import { checkSnapshot } from "../../src/snapshot/check.ts";
import { blocksOf } from "./blocks.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root }).sort();

const CONFIG = new Set(Object.keys((configSchema as unknown as { shape: object }).shape));
const MATCH = new Set(["host", "path", "method", "headers", "query", "cookies", "from", "when"]);

/** Examples that need files or variables of their own, that are meant to be wrong, and those for other programs. */
const OTHERS =
  /include:|\.ts\b|\.pem\b|\$\{(?:env|file):|^# broken|^# yaml-language-server|^scrape_configs:/m;

/** An example as a config: it may also be a list of routes, of policies, or what a route's `match` holds. */
function asConfig(example: unknown): Record<string, unknown> {
  if (Array.isArray(example))
    return example.every((one: object) => "name" in one) ? { routes: example } : { policies: example };
  const keys = Object.keys(example as object);
  if (keys.every((key) => CONFIG.has(key))) return example as Record<string, unknown>;
  assert.ok(
    keys.every((key) => MATCH.has(key)),
    `an example begins with keys of the config or of match, not ${keys.join(", ")}`,
  );
  return { routes: [{ name: "all", match: example, service: "all" }] };
}

/** Names of the services that routes of an example lead to, however deep. */
function servicesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "service" && typeof inner === "string" ? [inner] : servicesIn(inner),
  );
}

/** An example made whole: what it leaves out is put in. */
function wholeConfig(example: Record<string, unknown>): object {
  const endpoints = { endpoints: ["http://127.0.0.1:9001"] };
  const named = servicesIn([example["routes"], example["policies"]]).map((name) => [name, endpoints]);
  return {
    listeners: [{ name: "public", address: "127.0.0.1:8080" }],
    routes: [{ name: "all", match: { path: "/{tenant}/{name}" }, service: "all" }],
    ...example,
    services: {
      all: endpoints,
      ...Object.fromEntries(named),
      ...(example["services"] as object | undefined),
    },
  };
}

describe("the pages", () => {
  for (const page of pages) {
    const examples = blocksOf(read(page)).filter(
      ({ language, text }) => language === "yaml" && !OTHERS.test(text),
    );
    for (const { text, line } of examples)
      it(`${page}:${line}: this config can be used`, async () => {
        const example: unknown = parse(text);
        const config = checkConfig(wholeConfig(asConfig(example)), page);
        assert.ok((await checkSnapshot(config, join(root, page))).files.length > 0);
      });
  }

  it("number the walk as the code does", () => {
    const headings = [...read("docs/life-of-a-request.md").matchAll(/^## (\d+)\. (\w+)$/gm)];
    const steps = ["route", ...PHASES, "response", "send", "log"];
    assert.deepEqual(
      headings.map(([, number, name]) => `${number} ${name}`),
      steps.map((name, i) => `${i + 1} ${name}`),
    );
    const comments = [...read("src/pipeline/handle.ts").matchAll(/^\s*\/[/*]+ (\d+)\. (\w+):/gm)];
    assert.ok(comments.length >= 6);
    for (const [, number, name = ""] of comments)
      if (steps.includes(name)) assert.equal(steps[Number(number) - 1], name);
      else assert.equal(name, "recover");
  });

  it("give measured numbers that stand in the results", () => {
    const rows = [
      ...read("README.md").matchAll(/^\| (.+) \| (.+) \| .+ \| `npm run bench -- ([\w-]+)` \|$/gm),
    ];
    assert.ok(rows.length >= 6);
    for (const [, what, measured = "", scenario] of rows) {
      const results = read(`bench/results/${scenario}.md`);
      for (const [number = ""] of measured.matchAll(/\d[\d,]*(?:\.\d+)?/g))
        assert.ok(
          results.includes(number.replaceAll(",", "")),
          `${what}: ${number} does not stand in bench/results/${scenario}.md`,
        );
    }
  });
});
