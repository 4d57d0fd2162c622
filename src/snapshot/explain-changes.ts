import type { ReadonlyFields } from "../lib/fields.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import type { Reply } from "../lib/reply.ts";
import { mayBeLogged } from "../pipeline/log-line.ts";
import type { Change } from "./explanation.ts";

/** What of a message is compared: texts by what they are. */
export type MessageView = ReadonlyMap<string, string>;

/** What of a request is compared, received or outgoing. */
type AnyRequest = Pick<Outgoing, "method" | "authority" | "path" | "query" | "body"> & {
  readonly fields: ReadonlyFields;
};

/** A request as it stands between two steps; `id` where steps may change the exchange's. */
export function viewOfRequest(request: AnyRequest, bodies: BodyNames, id?: string): MessageView {
  const { method, authority, path, query, fields, body } = request;
  return new Map([
    ["method", method],
    ...(id === undefined ? [] : ([["id", id]] as const)),
    ["host", authority],
    ["path", path],
    ["query", query],
    ...fieldsOf(fields),
    ["body", bodies.of(body)],
  ]);
}

/** An answer as it stands between two steps. */
export function viewOfReply({ status, fields, body }: Reply, bodies: BodyNames): MessageView {
  return new Map([["status", String(status)], ...fieldsOf(fields), ["body", bodies.of(body)]]);
}

/** Fields as they may be shown. */
export function shownFields(fields: ReadonlyFields): [name: string, value: string][] {
  return [...fields.entries()].map(([name, value]) => [name, mayBeLogged(name) ? value : "***"]);
}

function fieldsOf(fields: ReadonlyFields): [string, string][] {
  const names = new Set(Array.from(fields.entries(), ([name]) => name));
  // Told as the host; the wire writes it anew.
  names.delete("host");
  return Array.from(names, (name) => [`field ${name}`, fields.get(name) ?? ""]);
}

/** What is another in the second; values of fields that hold secrets are not shown. */
export function changesBetween(before: MessageView, after: MessageView): Change[] {
  const changes: Change[] = [];
  for (const what of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(what), after.get(what)];
    if (was === is) continue;
    const shown = (value: string): string =>
      what.startsWith("field ") && !mayBeLogged(what.slice("field ".length)) ? "***" : value;
    changes.push({
      what,
      ...(was !== undefined && { before: shown(was) }),
      ...(is !== undefined && { after: shown(is) }),
    });
  }
  return changes;
}

/** Tells bodies apart without looking into them. */
export class BodyNames {
  readonly #names = new Map<object, string>();

  of(body: object | undefined): string {
    if (body === undefined) return "none";
    const name = this.#names.get(body) ?? (this.#names.size === 0 ? "as sent" : `new (${this.#names.size})`);
    this.#names.set(body, name);
    return name;
  }
}
