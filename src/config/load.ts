import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { expandRoutes } from "./expand.ts";
import { ConfigError, type ConfigProblem, type Locate, problemAt } from "./problem.ts";
import { type Config, configSchema } from "./schema.ts";

/** Reads a config file in YAML or JSON. Throws a ConfigError with every problem. */
export async function loadConfig(file: string): Promise<Config> {
  const path = isAbsolute(file) ? file : resolve(file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError([problemAt({ file, path: [] }, `cannot be read (${code})`)]);
  }
  return parseConfig(text, file);
}

/** Parses a config's text. Throws a ConfigError with every problem. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const errors = document.errors.map((error) => {
    const at = lines.linePos(error.pos[0]);
    return { ...problemAt({ file, path: [] }, error.message), line: at.line, column: at.col };
  });
  if (errors.length > 0) throw new ConfigError(errors);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError([problemAt({ file, path: [] }, (error as Error).message)]);
  }
  return checkConfig(value, file, ({ path }) => {
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
  const config: Config = { ...result.data, routes: expandRoutes(result.data.routes, file) };
  const problems = checkReferences(config, file, locate);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function fromIssue(issue: z.core.$ZodIssue, file: string, locate: Locate): ConfigProblem[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) =>
      problemAt(
        { file, path: [...issue.path, key] },
        "is not known here",
        "remove it, or correct its spelling",
        locate,
      ),
    );
  const nested =
    issue.code === "invalid_union" ? issue.errors.flat().find((inner) => inner.code === "custom") : undefined;
  return [problemAt({ file, path: issue.path }, (nested ?? issue).message, undefined, locate)];
}

function checkReferences(config: Config, file: string, locate: Locate): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const names = Object.keys(config.services);
  for (const { origin, split } of config.routes)
    split.forEach(({ service }, i) => {
      if (names.includes(service)) return;
      const path = [...origin.path, ...(split.length > 1 ? ["split", i] : []), "service"];
      problems.push(
        problemAt(
          { file: origin.file, path },
          `there is no service ${JSON.stringify(service)}`,
          `write one of: ${names.join(", ")}`,
          locate,
        ),
      );
    });
  const seen = new Set<string>();
  const once = (name: string, origin: { file: string; path: readonly PropertyKey[] }): void => {
    if (seen.has(name))
      problems.push(problemAt(origin, `the name ${JSON.stringify(name)} stands twice`, undefined, locate));
    seen.add(name);
  };
  for (const { name, origin } of config.routes) once(name, { ...origin, path: [...origin.path, "name"] });
  seen.clear();
  for (const [i, { name }] of config.listeners.entries()) once(name, { file, path: ["listeners", i, "name"] });
  return problems;
}
