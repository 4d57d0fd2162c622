import type { ConsumersConfig } from "../config/read-consumers.ts";
import { ConsumerTable, RECORD_KINDS } from "../lib/consumer-table.ts";

/** How many consumers there are, and credentials by kind. */
export interface ConsumersReading {
  readonly consumers: number;
  readonly credentials: Readonly<Record<string, number>>;
}

/** Which consumers are asked for. */
export interface ConsumersQuery {
  /** The only one; undefined for all. */
  readonly name: string | undefined;
  /** How many are passed over. */
  readonly offset: number;
  readonly limit: number;
}

/** A credential as people may see it: no hash, no secret. */
interface CredentialView {
  readonly kind: string;
  readonly id: string;
  readonly notBefore?: string;
  readonly expires?: string;
}

const DAY = 86_400_000;
/** Credentials that end within so many days are spoken of, so many of them by name. */
const SOON = 14;
const NAMED = 10;
/** The last moment that can be written. */
const LAST = 8.64e15;

/** Counts of a config's consumers. */
export function readConsumersOf(consumers: ConsumersConfig | undefined): ConsumersReading {
  if (consumers === undefined) return { consumers: 0, credentials: {} };
  const table = new ConsumerTable(consumers.memory);
  const credentials = Object.fromEntries(
    RECORD_KINDS.slice(1).flatMap((kind) => (table.count(kind) > 0 ? [[kind, table.count(kind)]] : [])),
  );
  return { consumers: table.count("name"), credentials };
}

/** Some of a config's consumers, in the order in which they are written, with their credentials' ids and times. */
export function consumersView(consumers: ConsumersConfig | undefined, query: ConsumersQuery): object {
  const counts = readConsumersOf(consumers);
  if (consumers === undefined) return { ...counts, shown: [] };
  const table = new ConsumerTable(consumers.memory);
  const only = query.name === undefined ? undefined : table.find("name", query.name);
  const shown: object[] = [];
  let passed = 0;
  let open: { readonly credentials: CredentialView[] } | undefined;
  for (const at of table.records()) {
    if (!table.isConsumer(at)) {
      open?.credentials.push(viewOf(table, at));
      continue;
    }
    open = undefined;
    if (shown.length === (only === undefined ? query.limit : 1)) break;
    if (only === undefined ? passed++ < query.offset : at !== only) continue;
    const { name, about } = table.consumer(at);
    const { groups, tags } = (about === "" ? {} : JSON.parse(about)) as Record<string, unknown>;
    const one = { name, groups, tags, credentials: [] };
    shown.push(one);
    open = one;
  }
  return { ...counts, shown };
}

function viewOf(table: ConsumerTable, at: number): CredentialView {
  const { kind, id, notBefore, expires } = table.credential(at);
  return {
    kind,
    id,
    ...(notBefore > -LAST && { notBefore: new Date(notBefore).toISOString() }),
    ...(expires < LAST && { expires: new Date(expires).toISOString() }),
  };
}

/** A line about credentials that end soon or have ended, at `now` in milliseconds since 1970; undefined for none. */
export function expiryLine(consumers: ConsumersConfig | undefined, now: number): string | undefined {
  if (consumers === undefined) return undefined;
  const table = new ConsumerTable(consumers.memory);
  const found: { readonly at: number; readonly expires: number }[] = [];
  let ended = 0;
  for (const at of table.records()) {
    if (table.isConsumer(at)) continue;
    const expires = table.expires(at);
    if (expires <= now) ended++;
    else if (expires - now <= SOON * DAY) found.push({ at, expires });
  }
  const parts: string[] = [];
  if (found.length > 0) {
    const first = found.sort((a, b) => a.expires - b.expires).slice(0, NAMED);
    const names = first.map(({ at, expires }) => {
      const { kind, id, consumer } = table.credential(at);
      return `${kind} ${id} of ${table.consumer(consumer).name} (${new Date(expires).toISOString().slice(0, 16)}Z)`;
    });
    const more = found.length > first.length ? ` and ${found.length - first.length} more` : "";
    parts.push(`credentials that expire within ${SOON} days: ${names.join(", ")}${more}`);
  }
  if (ended > 0) parts.push(`${ended} ${ended === 1 ? "credential has" : "credentials have"} expired`);
  return parts.length === 0 ? undefined : parts.join("; ");
}
