import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { styleText } from "node:util";
import { excerpt } from "../config/excerpt.ts";
import { type LoadedConfig, readConfig } from "../config/load.ts";
import { ConfigError, type ConfigProblem, problemLine } from "../config/problem.ts";
import { hideIn, type Secrets } from "../config/secrets.ts";
import type { Residual } from "../routing/residuals.ts";
import { checkSnapshot } from "../snapshot/check.ts";
import { type Command, EXIT, UsageError } from "./command.ts";

/** `torana check FILE`: says everything that is wrong with a config. */
export const check: Command = {
  summary: "say everything that is wrong with a config",
  usage: "FILE [--json]",
  run: checkFile,
};

/** What was found. */
interface Report {
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  readonly loaded: LoadedConfig | undefined;
  /** Hosts and paths whose routes are told apart by expressions. */
  readonly residuals: readonly Residual[];
}

/** Expressions on one host and path that are worth a word: each costs every request there. */
const MANY_EXPRESSIONS = 10;

async function checkFile(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const [file, ...more] = args.filter((arg) => arg !== "--json");
  if (file === undefined || more.length > 0 || file.startsWith("-"))
    throw new UsageError("one config file is needed");
  const report = await examine(file);
  if (json) console.log(JSON.stringify(asJson(report), undefined, 2));
  else print(report, file);
  return report.problems.length > 0 ? EXIT.config : EXIT.ok;
}

async function examine(file: string): Promise<Report> {
  let loaded: LoadedConfig | undefined;
  try {
    loaded = await readConfig(file);
    const { warnings, residuals } = await checkSnapshot(loaded.config, file, loaded.locate);
    return { problems: [], warnings: [...loaded.warnings, ...warnings], loaded, residuals: residuals() };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const hidden = (problems: readonly ConfigProblem[], secrets: Secrets) =>
      problems.map((problem) => hideIn(problem, secrets) as ConfigProblem);
    const problems = loaded === undefined ? error.problems : hidden(error.problems, loaded.secrets);
    return { problems, warnings: loaded?.warnings ?? [], loaded, residuals: [] };
  }
}

function asJson({ problems, warnings, loaded, residuals }: Report): object {
  return { ok: problems.length === 0, problems, warnings, ...counts(loaded), expressions: residuals };
}

function counts(loaded: LoadedConfig | undefined): {
  routes?: number;
  services?: number;
  listeners?: number;
} {
  if (loaded === undefined) return {};
  const { routes, services, listeners } = loaded.config;
  return { routes: routes.length, services: Object.keys(services).length, listeners: listeners.length };
}

function print({ problems, warnings, loaded, residuals }: Report, file: string): void {
  const texts = new Map<string, string>();
  for (const problem of problems) console.error(shown(problem, styled("red", "error"), texts));
  for (const warning of warnings) console.error(shown(warning, styled("yellow", "warning"), texts));
  for (const { host, path, expressions } of residuals)
    if (expressions > MANY_EXPRESSIONS)
      console.error(
        `${styled("yellow", "warning")} ${host || "*"}${path}: ${expressions} expressions (when) are tried one after the other for each request`,
      );
  if (problems.length > 0) {
    console.error(`${file}: ${count(problems.length, "problem")}, ${count(warnings.length, "warning")}`);
    return;
  }
  const { routes = 0, services = 0, listeners = 0 } = counts(loaded);
  const expressions = residuals.reduce((most, one) => Math.max(most, one.expressions), 0);
  console.log(
    `${file}: good: ${count(routes, "route")}, ${count(services, "service")}, ${count(listeners, "listener")}` +
      `${expressions > 0 ? `, at most ${count(expressions, "expression")} on one host and path` : ""}, ${count(warnings.length, "warning")}`,
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** A problem as a line, and on a terminal the place itself. */
function shown(problem: ConfigProblem, label: string, texts: Map<string, string>): string {
  const line = process.stderr.isTTY ? `${label} ${problemLine(problem)}` : problemLine(problem);
  const place = process.stderr.isTTY ? excerpt(problem, textOf(problem.file, texts)) : undefined;
  return place === undefined ? line : `${line}\n${place}\n`;
}

function textOf(file: string, texts: Map<string, string>): string {
  let text = texts.get(file);
  if (text === undefined) {
    try {
      text = readFileSync(resolve(file), "utf8");
    } catch {
      text = "";
    }
    texts.set(file, text);
  }
  return text;
}

function styled(colour: "red" | "yellow", text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}
