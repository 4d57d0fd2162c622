/** Makes the package that is published, in dist/: JavaScript with its declarations, the launcher, a package.json of its own. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(root, process.argv[2] ?? "dist");
if (`${root}/`.startsWith(join(dist, "/")))
  throw new Error(`${dist} holds the sources: choose a folder for the package alone`);

rmSync(dist, { recursive: true, force: true });
execFileSync(
  join(root, "node_modules/.bin/tsc"),
  ["-p", join(root, "tsconfig.build.json"), "--outDir", join(dist, "src")],
  { stdio: "inherit" },
);
for (const file of ["bin", "README.md", "LICENSE"])
  cpSync(join(root, file), join(dist, file), { recursive: true });

const {
  scripts: _scripts,
  devDependencies: _dev,
  private: _private,
  ...whole
} = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
const entry = (name: string): object => ({ types: `./src/${name}.d.ts`, default: `./src/${name}.js` });
writeFileSync(
  join(dist, "package.json"),
  `${JSON.stringify({ ...whole, engines: { node: ">=24" }, exports: { ".": entry("index"), "./testing": entry("testing/index") } }, undefined, 2)}\n`,
);
console.log(`built ${dist}`);
