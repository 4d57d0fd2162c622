import { parseArgs } from "node:util";
import { momentOf } from "../config/consumer-schema.ts";
import { duration } from "../config/values.ts";
import { checkKey, createKey, KEY_PREFIX, KEY_TEXT, writtenHash } from "../lib/api-key.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { readSecret } from "./read-stdin.ts";

/** `torana key create` makes an API key, `torana key hash` hashes one that there is. */
export const key: Command = {
  summary: "make an API key for a consumer, or hash one that there is",
  usage: "create [--id ID] [--expires 90d] [--prefix torana] [--json] | hash",
  run: async (args) => {
    const [what, ...rest] = args;
    if (what === "create") return create(rest);
    if (what === "hash" && rest.length === 0) return hashTyped();
    throw new UsageError(
      what === undefined
        ? "create or hash is needed"
        : `${JSON.stringify(args.join(" "))} is neither create nor hash`,
    );
  },
};

function create(args: readonly string[]): number {
  const { id, expires, prefix, json } = understood(args);
  const made = createKey(prefix);
  const entry = {
    ...(id !== undefined && { id }),
    hash: writtenHash(made),
    ...(expires !== undefined && { expires: new Date(expires).toISOString().replace(/\.\d+Z$/, "Z") }),
  };
  if (json) console.log(JSON.stringify({ key: made, ...entry }, undefined, 2));
  else {
    const line = Object.entries(entry).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    console.log(
      `${made}\n\nThis is the key; it is not kept and not shown again. Under keys of its consumer write:\n`,
    );
    console.log(`  - { ${line.join(", ")} }`);
  }
  return EXIT.ok;
}

function understood(args: readonly string[]): {
  id: string | undefined;
  expires: number | undefined;
  prefix: string;
  json: boolean;
} {
  const { id, expires, prefix, json } = parsed(args);
  if (!KEY_PREFIX.test(prefix))
    throw new UsageError(
      "--prefix begins with a letter and is made of a to z, 0 to 9 and _, at most 31 of them",
    );
  if (id === "") throw new UsageError("--id is a text");
  return { id, expires: expires === undefined ? undefined : endOf(expires), prefix, json };
}

function endOf(written: string): number {
  const span = duration.safeParse(written);
  const end = span.success ? Date.now() + span.data : momentOf(written);
  if (end === undefined || end <= Date.now() || end > 8.64e15)
    throw new UsageError("--expires is a time from now, as 90d, or a date to come, as 2027-01-31");
  return end;
}

function parsed(args: readonly string[]): {
  id?: string | undefined;
  expires?: string | undefined;
  prefix: string;
  json: boolean;
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        id: { type: "string" },
        expires: { type: "string" },
        prefix: { type: "string", default: "torana" },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function hashTyped(): Promise<number> {
  const typed = await readSecret("key");
  if (!KEY_TEXT.test(typed))
    throw new UsageError("a key is at most 512 visible characters of ASCII, without blanks and commas");
  if (checkKey(typed) === "broken") {
    console.error(
      "torana: this looks like a key of torana key create, but it is not whole, or has a wrong letter: copy it again",
    );
    return EXIT.failed;
  }
  console.log(writtenHash(typed));
  return EXIT.ok;
}
