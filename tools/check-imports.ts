import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { sourceFiles } from "./source-files.ts";

/** Rooms from the ground up. A room imports only from rows above its own; rooms in one row do not know each other. */
const ROWS: readonly (readonly string[])[] = [
  ["lib"],
  ["errors"],
  ["config", "http"],
  ["pipeline"],
  ["routing", "stores", "identity"],
  ["service"],
  ["backends", "discovery", "policies"],
  ["snapshot"],
  ["listener", "observe", "control"],
  ["admin"],
  ["supervisor"],
  ["cli", "testing"],
];

/** What a policy may not touch: effects reach it through ports only, so that `explain` and tests run the same code. */
const POLICY_FORBIDDEN = /^node:(net|http|https|http2|tls|fs|dns|child_process|worker_threads|crypto|timers)/;

const rowOf = new Map(ROWS.flatMap((rooms, row) => rooms.map((room) => [room, row] as const)));

/** Every import that leans the wrong way, with the reason. */
export function checkImports(root: string): string[] {
  return sourceFiles(root, "src").flatMap((path) => problemsOf(path, readFileSync(join(root, path), "utf8")));
}

function problemsOf(path: string, text: string): string[] {
  const room = roomOf(path);
  const problems: string[] = [];
  if (room !== undefined && !rowOf.has(room))
    problems.push(`${path}: the room ${room}/ has no row in tools/check-imports.ts`);
  for (const [, specifier = ""] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    if (room === "policies" && POLICY_FORBIDDEN.test(specifier))
      problems.push(`${path} imports ${specifier}: a policy reaches the outside through ports only`);
    if (!specifier.startsWith(".")) continue;
    const target = normalize(join(dirname(path), specifier));
    const targetRoom = roomOf(target);
    if (targetRoom === undefined) {
      if (room !== undefined) problems.push(`${path} imports ${target}: a room does not import from the top`);
    } else if (room === targetRoom) {
      if (room === "policies" && !target.endsWith("index.ts") && !path.endsWith("index.ts"))
        problems.push(`${path} imports ${target}: a policy imports no other policy`);
    } else if (room !== undefined && rowOf.get(room)! <= (rowOf.get(targetRoom) ?? -1)) {
      problems.push(
        `${path} imports ${target}: ${room}/ lies below or beside ${targetRoom}/ and must not know it`,
      );
    }
  }
  return problems;
}

/** The folder directly below src/; undefined for a file at the top. */
function roomOf(path: string): string | undefined {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] : undefined;
}
