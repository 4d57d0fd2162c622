import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import { type Config, configSchema } from "./schema.ts";

/** Where in a text a path of the document stands. */
type Locate = (path: readonly PropertyKey[]) => { line: number; column: number } | undefined;

/** Reads a config file in YAML or JSON. Throws a ConfigError with every problem. */
export async function loadConfig(file: string): Promise<Config> {
  const path = isAbsolute(file) ? file : resolve(file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError([problem(file, undefined, [], `cannot be read (${code})`)]);
  }
  return parseConfig(text, file);
}

/** Parses a config's text. Throws a ConfigError with every problem. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const errors = document.errors.map((error) => {
    const at = lines.linePos(error.pos[0]);
    return { ...problem(file, undefined, [], error.message), line: at.line, column: at.col };
  });
  if (errors.length > 0) throw new ConfigError(errors);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError([problem(file, undefined, [], (error as Error).message)]);
  }
  return checkConfig(value, file, (path) => {
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (!isNode(node) || !node.range) continue;
      const at = lines.linePos(node.range[0]);
      return { line: at.line, column: at.col };
    }
    return undefined;
  });
}

/** Checks a config that is there as data. Throws a ConfigError with every problem. */
export function checkConfig(value: unknown, file = "config", locate: Locate = () => undefined): Config {
  const result = configSchema.safeParse(value ?? {});
  if (!result.success)
    throw new ConfigError(
      result.error.issues.flatMap((issue) => fromIssue(issue as z.core.$ZodIssue, file, locate)),
    );
  const problems = checkReferences(result.data, file, locate);
  if (problems.length > 0) throw new ConfigError(problems);
  return result.data;
}

function fromIssue(issue: z.core.$ZodIssue, file: string, locate: Locate): ConfigProblem[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) =>
      problem(file, locate, [...issue.path, key], "is not known here", "remove it, or correct its spelling"),
    );
  const nested =
    issue.code === "invalid_union" ? issue.errors.flat().find((inner) => inner.code === "custom") : undefined;
  return [problem(file, locate, issue.path, (nested ?? issue).message)];
}

function checkReferences(config: Config, file: string, locate: Locate): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const names = Object.keys(config.services);
  config.routes.forEach((route, i) => {
    if (!names.includes(route.service))
      problems.push(
        problem(
          file,
          locate,
          ["routes", i, "service"],
          `there is no service ${JSON.stringify(route.service)}`,
          `write one of: ${names.join(", ")}`,
        ),
      );
  });
  for (const [list, items] of [
    ["routes", config.routes],
    ["listeners", config.listeners],
  ] as const) {
    const seen = new Set<string>();
    items.forEach(({ name }, i) => {
      if (seen.has(name))
        problems.push(
          problem(file, locate, [list, i, "name"], `the name ${JSON.stringify(name)} stands twice`),
        );
      seen.add(name);
    });
  }
  return problems;
}

function problem(
  file: string,
  locate: Locate | undefined,
  path: readonly PropertyKey[],
  reason: string,
  cure?: string,
): ConfigProblem {
  const at = locate?.(path);
  const written = path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`))
    .join("");
  return { file, line: at?.line, column: at?.column, path: written, reason, cure };
}
