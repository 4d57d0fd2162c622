import { text } from "node:stream/consumers";
import { UsageError } from "./command.ts";

/** What is typed or piped in, without the line break at its end. Throws a UsageError for nothing, and for several lines. */
export async function readSecret(what: string): Promise<string> {
  if (process.stdin.isTTY) console.error(`Type the ${what}, then Enter and Ctrl-D; it is shown as you type.`);
  const typed = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (typed === "") throw new UsageError(`the ${what} is read from standard input, and nothing came`);
  if (/[\r\n\0]/.test(typed)) throw new UsageError(`the ${what} is one line, and several came`);
  return typed;
}
