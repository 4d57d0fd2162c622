import type { Findings } from "./findings.ts";
import type { Origin } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { RedisConfig, StoreConfig } from "./store-schema.ts";

/** Checks that stores can be reached as they are written; nobody is asked. */
export function checkStores({ stores }: Config, file: string, problems: Findings): void {
  for (const [name, store] of Object.entries(stores)) {
    const at = (...path: PropertyKey[]): Origin => ({ file, path: ["stores", name, ...path] });
    checkTimes(store, at, problems);
    checkMode(store.redis, at, problems);
    checkUrls(store.redis, at, problems);
  }
}

type At = (...path: PropertyKey[]) => Origin;

/** Milliseconds: a shorter time no server keeps to, a longer one no client. */
const TIMES = { timeout: [1, 10_000], sync: [10, 60_000] } as const;

function checkTimes(store: StoreConfig, at: At, problems: Findings): void {
  for (const [key, [least, most]] of Object.entries(TIMES)) {
    const time = store[key as keyof typeof TIMES];
    if (time === undefined || (time >= least && time <= most)) continue;
    problems.add(at(key), `a time of ${time}ms is none for it`, `write one from ${least}ms to ${most}ms`);
  }
}

function checkMode(
  { mode, urls, master, username, password }: RedisConfig,
  at: At,
  problems: Findings,
): void {
  if (mode === "single" && urls.length > 1)
    problems.add(
      at("redis", "urls"),
      "names several servers, and mode is single",
      "write mode: cluster or mode: sentinel, or one URL",
    );
  if (mode === "sentinel") {
    if (master === undefined)
      problems.add(
        at("redis"),
        "does not say which master the sentinels are asked for",
        "add master: mymaster, as the sentinels name it",
      );
    return;
  }
  const only = { master, username, password };
  for (const [key, value] of Object.entries(only))
    if (value !== undefined)
      problems.add(
        at("redis", key),
        `${key} is for sentinels, and mode is ${mode}`,
        key === "master" ? "remove it, or write mode: sentinel" : "write it in the URL",
      );
}

function checkUrls({ mode, urls, ca }: RedisConfig, at: At, problems: Findings): void {
  const parsed = urls.map((url) => (URL.canParse(url) ? new URL(url) : undefined));
  for (const [i, url] of parsed.entries()) {
    const here = at("redis", "urls", i);
    if (url === undefined || url.hostname === "") {
      problems.add(here, "is no URL", "write redis://host:port");
      continue;
    }
    if (url.search !== "" || url.hash !== "")
      problems.add(here, "has something behind the database", "end it there: redis://host:6379/0");
    if (!/^(\/\d{0,5})?$/.test(url.pathname))
      problems.add(here, "names no database", "write its number: redis://host:6379/0");
    else if (mode === "cluster" && Number(url.pathname.slice(1)) > 0)
      problems.add(here, "names a database, and a cluster has only one", "end it after the port");
    const [first] = parsed;
    if (first !== undefined && url.protocol !== first.protocol)
      problems.add(here, "speaks TLS where another does not", "write rediss:// in all, or in none");
    if (first !== undefined && (url.username !== first.username || url.password !== first.password))
      problems.add(here, "has another user or password than the first", "write the same in all");
  }
  if (ca !== undefined && parsed[0]?.protocol === "redis:")
    problems.add(
      at("redis", "ca"),
      "is for TLS, and the URLs speak none",
      "write rediss:// there, or remove it",
    );
}
