import { ConsumerTable } from "../lib/consumer-table.ts";
import type { Origin } from "./problem.ts";
import type { ConsumersConfig } from "./read-consumers.ts";
import type { RouteConfig } from "./route-schema.ts";
import type { Config } from "./schema.ts";

/** What is shown in place of a secret. */
export const MASK = "***";

/** Shorter texts are hidden only where they are all that stands there: within words they are found by chance. */
const SHORT = 4;

/** Values that came from the environment or from files: where they stand in the config, and their texts. Plain data. */
export interface Secrets {
  readonly places: readonly Origin[];
  readonly texts: readonly string[];
}

const byConfig = new WeakMap<Config, Secrets>();

const NONE: Secrets = { places: [], texts: [] };

/** What of a config is secret; nothing for a config that was not loaded in this thread. */
export function secretsOf(config: Config): Secrets {
  return byConfig.get(config) ?? NONE;
}

/** Remembers what of a config is secret: after loading, or after it came to another thread. */
export function keepSecrets(config: Config, secrets: Secrets): void {
  byConfig.set(config, secrets);
}

/** A secret in all the forms in which a message may quote it: as it is, as JSON writes it, cut to what a problem shows. */
export function textsOfSecret(text: string): string[] {
  const forms = [text];
  const json = JSON.stringify(text).slice(1, -1);
  if (json !== text) forms.push(json);
  if (text.length > 60) forms.push(text.slice(0, 57), JSON.stringify(text.slice(0, 57)).slice(1, -1));
  return forms.filter((form) => form !== "");
}

/** A text without the secrets in it. */
export function hideSecrets(text: string, { texts }: Secrets): string {
  let shown = text;
  for (const secret of texts) {
    if (secret.length >= SHORT) shown = shown.replaceAll(secret, MASK).replaceAll(secret.toLowerCase(), MASK);
    else if (shown === secret) return MASK;
    else shown = shown.replaceAll(JSON.stringify(secret), JSON.stringify(MASK));
  }
  return shown;
}

/** A copy of plain data, made from a config or told about it, without the secrets in its texts. */
export function hideIn(value: unknown, secrets: Secrets): unknown {
  if (secrets.texts.length === 0) return value;
  if (typeof value === "string") return hideSecrets(value, secrets);
  if (Array.isArray(value)) return value.map((one) => hideIn(one, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [hideSecrets(key, secrets), hideIn(one, secrets)]),
  );
}

/**
 * A config for people to see: `***` stands wherever a value came from the environment or from a file; of consumers only
 * how many there are, and the names of the first.
 */
export function masked(config: Config, secrets: Secrets = secretsOf(config)): unknown {
  const shown =
    config.consumers === undefined ? config : { ...config, consumers: shownConsumers(config.consumers) };
  if (secrets.places.length === 0) return shown;
  const copy = structuredClone(shown) as unknown as Record<string, unknown> & { routes: RouteConfig[] };
  for (const { path } of secrets.places)
    if (path[0] !== "routes" && path[0] !== "consumers") maskAt(copy, path);
  for (const route of copy.routes) {
    const { file, path } = route.origin;
    for (const place of secrets.places)
      if (place.file === file && path.every((key, i) => place.path[i] === key))
        maskAt(route, place.path.slice(path.length));
  }
  return hideIn(copy, secrets);
}

/** Names of consumers that are shown. */
const NAMES = 100;

function shownConsumers({ size, memory }: ConsumersConfig): object {
  const table = new ConsumerTable(memory);
  const names: string[] = [];
  for (const at of table.records()) {
    if (names.length === NAMES) break;
    if (table.isConsumer(at)) names.push(table.consumer(at).name);
  }
  return { size, names };
}

/** Masks what a written path has become: one thing may have become a list of it, or all of it something else. */
function maskAt(holder: unknown, [key, ...rest]: readonly PropertyKey[]): void {
  if (key === undefined || typeof holder !== "object" || holder === null) return;
  if (Array.isArray(holder) && typeof key !== "number") {
    for (const one of holder) maskAt(one, [key, ...rest]);
    return;
  }
  const map = holder as Record<PropertyKey, unknown>;
  const there = typeof key === "string" && !(key in map) ? RENAMED[key] : undefined;
  const name = there ?? (key in map ? key : undefined);
  if (name === undefined) return;
  const value = map[name];
  const deeper = rest.length > 0 && typeof value === "object" && value !== null;
  if (deeper && reaches(value, rest)) maskAt(value, rest);
  else map[name] = MASK;
}

/** Keys that have another name once they are read. */
const RENAMED: Readonly<Record<string, string>> = { service: "split" };

function reaches(value: object, [key]: readonly PropertyKey[]): boolean {
  return Array.isArray(value) || (key !== undefined && (key in value || RENAMED[String(key)] !== undefined));
}
