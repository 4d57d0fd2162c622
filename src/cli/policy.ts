import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { type Command, EXIT, UsageError } from "./command.ts";
import { policyTemplate } from "./policy-template.ts";
import { policyTsconfig } from "./policy-types.ts";

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** `torana policy new NAME` and `torana policy test [FILE…]`: writing policies of one's own. */
export const policy: Command = {
  summary: "begin a policy of your own, or run the tests of yours",
  usage: "new NAME [--dir policies] | test [--dir policies] [FILE…]",
  run: async (args) => {
    const [what, ...rest] = args;
    const { dir, names } = understood(rest);
    if (what === "new") return begin(names, dir);
    if (what === "test") return runTests(names, dir);
    throw new UsageError(
      what === undefined ? "new or test is needed" : `${JSON.stringify(what)} is neither new nor test`,
    );
  },
};

function understood(args: readonly string[]): { dir: string; names: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { dir: { type: "string", default: "policies" } },
      allowPositionals: true,
    });
    return { dir: values.dir, names: positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Writes a policy and its test; what is there already stays. */
function begin(names: readonly string[], dir: string): number {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) throw new UsageError("one name is needed");
  if (!NAME.test(name))
    throw new UsageError(`a policy's name is lower case words joined by "-", not ${JSON.stringify(name)}`);
  const { policy: text, test } = policyTemplate(name);
  const files = { [join(dir, `${name}.ts`)]: text, [join(dir, `${name}.test.ts`)]: test };
  const taken = Object.keys(files).find((file) => existsSync(file));
  if (taken !== undefined) {
    console.error(`torana: ${taken} is there already; choose another name, or remove it`);
    return EXIT.failed;
  }
  const types = join(dir, "tsconfig.json");
  if (!existsSync(types)) files[types] = policyTsconfig(dir);
  try {
    mkdirSync(dir, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(file, content, { flag: "wx" });
  } catch (error) {
    console.error(`torana: ${(error as Error).message}`);
    return EXIT.failed;
  }
  for (const file of Object.keys(files)) console.log(`wrote ${file}`);
  console.log(nextSteps(join(dir, `${name}.ts`), join(dir, `${name}.test.ts`)));
  return EXIT.ok;
}

function nextSteps(file: string, test: string): string {
  const key = /^(?:\/|\.)/.test(file) ? file : `./${file}`;
  return [
    "",
    "Next:",
    `  1. run its test:         torana policy test ${test}`,
    "  2. name it in a config:  policies:",
    `                             - ${key}: {}`,
    "     (the path is relative to the file that it is written in)",
    "  3. write what it is for, and save: a running gateway takes it up by a reload.",
  ].join("\n");
}

/** Runs tests with node:test; "torana" means this installation. Gives their exit code. */
async function runTests(names: readonly string[], dir: string): Promise<number> {
  const missing = names.find((name) => !existsSync(name));
  if (missing !== undefined) {
    console.error(`torana: there is no file ${missing}`);
    return EXIT.failed;
  }
  const files = names.length > 0 ? names : globSync(`${dir}/**/*.test.{ts,mts,js,mjs}`).sort();
  if (files.length === 0) {
    console.error(`torana: there are no tests in ${dir}; torana policy new NAME writes a policy with one`);
    return EXIT.failed;
  }
  const register = new URL(`../testing/register${extname(import.meta.url)}`, import.meta.url).href;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const flags = ["--disable-warning=ExperimentalWarning", "--import", register, "--test"];
  const { promise, resolve } = Promise.withResolvers<number>();
  const child = spawn(process.execPath, [...flags, ...files], { stdio: "inherit", env });
  child.on("error", (error) => {
    console.error(`torana: ${error.message}`);
    resolve(EXIT.failed);
  });
  child.on("close", (code) => resolve(code ?? EXIT.failed));
  return promise;
}
