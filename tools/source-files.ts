import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Paths of the `.ts` files below `folder`, relative to `root`, without tests. */
export function sourceFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join(folder, path))
    .sort();
}
