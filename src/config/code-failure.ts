import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HOME } from "./own-modules.ts";
import type { CodeProblem } from "./run-code.ts";

/** What a file of a config's code threw, with the place in users' own code. */
export function codeFailure(thrown: unknown, path: string): CodeProblem {
  const {
    message,
    stack = "",
    code,
  } = (thrown instanceof Error ? thrown : new Error(String(thrown))) as NodeJS.ErrnoException;
  const reason = `cannot be run: ${message.replaceAll(/ imported from .*$/g, "").split("\n")[0]}`;
  const cure =
    code === "ERR_MODULE_NOT_FOUND"
      ? "correct the import"
      : code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX"
        ? "use only types that can be left out"
        : "correct the code";
  const head = /^(?:file:\/\/)?(\/[^\n]+):(\d+)\n/.exec(stack);
  if (head !== null) return { reason, cure, file: head[1]!, line: Number(head[2]), column: 1 };
  for (const [, file, line, column] of stack.matchAll(/\(?(file:\/\/\/[^\s()]+):(\d+):(\d+)\)?/g))
    if (!file!.startsWith(HOME))
      return { reason, cure, file: fileURLToPath(file!), line: Number(line), column: Number(column) };
  return { reason, cure, ...placeOfImport(message, path) };
}

/** The line of the import that a message is about. */
function placeOfImport(
  message: string,
  path: string,
): { file: string; line: number; column: number } | undefined {
  const target = /'([^']+)'/.exec(message)?.[1];
  if (target === undefined || !existsSync(path)) return undefined;
  const name = target.split("/").at(-1)!;
  const lines = readFileSync(path, "utf8").split("\n");
  const line = lines.findIndex((text) => /\bimport\b|\bfrom\b/.test(text) && text.includes(name));
  return line === -1 ? undefined : { file: path, line: line + 1, column: lines[line]!.indexOf(name) + 1 };
}
