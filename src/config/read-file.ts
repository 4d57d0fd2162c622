import { readFile, stat } from "node:fs/promises";
import { ConfigError, problemAt } from "./problem.ts";

/** Bytes of a config file at most: read whole and parsed in memory. */
const MAX_BYTES = 32 * 1_048_576;

const CURES: Readonly<Record<string, string>> = {
  ENOENT: "check the path, or make the file",
  EACCES: "let this user read it",
  ELOOP: "its symbolic links lead in a circle: point them at a file",
  ENOTDIR: "a part of the path is a file, not a folder: check the path",
  ENAMETOOLONG: "check the path",
};

/** The text of a config file: UTF-8 of at most 32 MiB. Throws a ConfigError. */
export async function readConfigFile(path: string, shown: string): Promise<string> {
  const refuse = (reason: string, cure: string): never => {
    throw new ConfigError([problemAt({ file: shown, path: [] }, reason, cure)]);
  };
  let bytes: Uint8Array;
  try {
    // Looked at before it is opened: opening a pipe waits for its writer.
    const about = await stat(path);
    if (about.isDirectory()) refuse("is a folder", "name the config file in it");
    if (!about.isFile()) refuse("is not a file", "name a file");
    if (about.size > MAX_BYTES) refuse("is larger than 32 MiB", "split it with include, or generate less");
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    return refuse(`cannot be read (${code})`, CURES[code] ?? "check the path and its permissions");
  }
  return textOf(bytes, shown);
}

function textOf(bytes: Uint8Array, shown: string): string {
  try {
    // A byte order mark is left out by the decoder.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const { line, column } = firstBroken(bytes);
    const problem = problemAt({ file: shown, path: [] }, "is not UTF-8 text", "save the file as UTF-8");
    throw new ConfigError([{ ...problem, line, column }]);
  }
}

/** The place of the first byte that is not UTF-8. */
function firstBroken(bytes: Uint8Array): { line: number; column: number } {
  const text = new TextDecoder().decode(bytes);
  // The replacement character may also be written in the file itself, which is rare enough.
  const before = text.slice(0, Math.max(0, text.indexOf("\uFFFD"))).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
