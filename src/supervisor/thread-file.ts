import { extname } from "node:path";

/** The file that a thread starts with: beside the caller's, TypeScript in the sources, JavaScript in the package. */
export function threadFile(name: string, caller: string): URL {
  return new URL(`./${name}${extname(caller)}`, caller);
}
