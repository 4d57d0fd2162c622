import { createRequire, findPackageJSON } from "node:module";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** `.ts` in a checkout, `.js` in the published package. */
const EXTENSION = extname(import.meta.url);

/**
 * A tsconfig.json for a folder of policies: with it an editor and tsc check them as they are run. Where the package is not
 * installed beside them, "torana" leads to the installation that runs.
 */
export function policyTsconfig(folder: string): string {
  const from = resolve(folder);
  const compilerOptions = {
    // "preserve": a policy is a module whatever a package.json above it says.
    ...{ target: "esnext", module: "preserve", lib: ["esnext"], types: ["node"] },
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
    ...{ erasableSyntaxOnly: true, verbatimModuleSyntax: true, allowImportingTsExtensions: true },
    ...{ skipLibCheck: true, noEmit: true },
    ...(isInstalled("@types/node", from) ? {} : typeRoots(from)),
    ...(isInstalled("torana", from) ? {} : { paths: ownPaths(from) }),
  };
  return `${JSON.stringify({ compilerOptions, include: ["."] }, undefined, 2)}\n`;
}

function isInstalled(name: string, folder: string): boolean {
  try {
    const found = findPackageJSON(name, pathToFileURL(join(folder, "policy.ts")));
    return found?.includes(join("node_modules", name)) === true;
  } catch {
    return false;
  }
}

function ownPaths(from: string): Record<string, string[]> {
  const entry = (name: string): string[] => [
    toward(from, fileURLToPath(new URL(`../${name}${EXTENSION}`, import.meta.url))),
  ];
  return { torana: entry("index"), "torana/testing": entry("testing/index") };
}

function typeRoots(from: string): { typeRoots?: string[] } {
  try {
    const found = createRequire(import.meta.url).resolve("@types/node/package.json");
    return { typeRoots: [toward(from, dirname(dirname(found)))] };
  } catch {
    return {};
  }
}

/** Relative within the project that is worked on, so that it can be shared; else absolute. */
function toward(from: string, to: string): string {
  if (relative(process.cwd(), to).startsWith("..")) return to;
  const path = relative(from, to);
  return path.startsWith(".") ? path : `./${path}`;
}
