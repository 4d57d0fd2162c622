/** net.ipv4.tcp_migrate_req: whether connections that wait at a listener that closes are given to another on the same port. */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = "/proc/sys/net/ipv4/tcp_migrate_req";

/** "0" or "1"; undefined where this kernel has no such setting. */
export function migrateSetting(): string | undefined {
  try {
    return readFileSync(FILE, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Sets it until it is disposed of or this process ends; undefined where that is not allowed. */
export function setMigrate(value: "0" | "1"): Disposable | undefined {
  const before = migrateSetting();
  if (before === undefined) return undefined;
  const restore = (): void => writeFileSync(FILE, before);
  try {
    writeFileSync(FILE, value);
  } catch {
    return undefined;
  }
  process.on("exit", restore);
  return {
    [Symbol.dispose]() {
      process.off("exit", restore);
      restore();
    },
  };
}
