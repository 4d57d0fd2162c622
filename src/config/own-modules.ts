import { registerHooks } from "node:module";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const OWN = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href;

/** Where the gateway's own modules lie. */
export const HOME: string = new URL("..", import.meta.url).href;

/** From now on `torana` is this program, in this thread; gives the set that the files are added to which users' code is made of. */
export function hookModules(): ReadonlySet<string> {
  const files = new Set<string>();
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "torana") return { ...next(OWN, context), shortCircuit: true };
      const found = next(specifier, context);
      // What the gateway itself and packages are made of does not change while it runs.
      if (
        found.url.startsWith("file:") &&
        !found.url.startsWith(HOME) &&
        !found.url.includes("/node_modules/")
      )
        files.add(fileURLToPath(found.url));
      return found;
    },
  });
  return files;
}
