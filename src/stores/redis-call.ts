import { StoreDown } from "../pipeline/limits.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { Script } from "./redis-scripts.ts";

/** Runs a script by its name, or by its text where the server does not know it yet. Rejects with what the server says. */
export async function callScript(
  connection: RedisConnection,
  { sha, text }: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const key = keys[0]!;
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await connection.send(key, ["EVALSHA", sha, ...rest]);
  } catch (error) {
    if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
    return await connection.send(key, ["EVAL", text, ...rest]);
  }
}

/** An error that the server answers with begins with a code. */
const CODE = /^[A-Z]{2,}\b/;
const NOT_READY =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|MISCONF|OOM|NOAUTH|BUSY|NOREPLICAS|TRYAGAIN|UNBLOCKED)\b/;

/** Whether an error says that the server is not there, or not ready for anything: others are about this one call. */
export function isAway({ message }: Error): boolean {
  return !CODE.test(message) || NOT_READY.test(message);
}

/** For what is sent and not waited for. */
export function ignoreDown(error: unknown): void {
  if (!(error instanceof StoreDown)) throw error;
}
