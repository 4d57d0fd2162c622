import { Fields } from "../lib/fields.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { fieldProblem } from "../pipeline/template-options.ts";
import type { CheckAnswer, CheckHeader } from "./check-messages.ts";
import type { Decision } from "./decision-cache.ts";
import { isShareable, type OutsideAnswer } from "./outside-answer.ts";

/** How a field is put where one of its name may stand already. */
export type FieldAction = "add" | "add-if-absent" | "set" | "set-if-there";

/** A field that may be put on a message. */
export interface FieldEdit {
  readonly name: string;
  readonly value: string;
  readonly action: FieldAction;
}

/** What an authorization service decided about a request. */
export interface CheckDecision extends Decision {
  /** Where it refuses. */
  readonly answer: OutsideAnswer | undefined;
  readonly request: readonly FieldEdit[];
  readonly remove: readonly string[];
  readonly response: readonly FieldEdit[];
  readonly setQuery: readonly (readonly [name: string, value: string])[];
  readonly removeQuery: readonly string[];
}

const NONE: readonly never[] = [];

/** Statuses that an answer may refuse with. */
const REFUSAL = 403;

/** What an answer means. Throws an Error for one that says neither yes nor no, or fields that cannot stand in a message. */
export function decisionOf({ status, deniedResponse, okResponse }: CheckAnswer): CheckDecision {
  if (status === undefined && deniedResponse === undefined && okResponse === undefined)
    throw new Error("its answer says neither yes nor no");
  if (deniedResponse !== undefined || (status !== undefined && status.code !== 0))
    return refusal(deniedResponse);
  const { headers = NONE, headersToRemove = NONE, responseHeadersToAdd = NONE } = okResponse ?? {};
  const response = editsOf(responseHeadersToAdd);
  return {
    allowed: true,
    shareable: !response.some(({ name }) => name === "set-cookie"),
    answer: undefined,
    request: editsOf(headers),
    remove: headersToRemove
      .filter((name) => fieldProblem(name) === undefined)
      .map((name) => name.toLowerCase()),
    response,
    setQuery: (okResponse?.queryParametersToSet ?? NONE).map(({ key, value }) => [key, value] as const),
    removeQuery: okResponse?.queryParametersToRemove ?? NONE,
  };
}

function refusal(denied: CheckAnswer["deniedResponse"]): CheckDecision {
  const code = denied?.status?.code ?? 0;
  const fields = new Fields();
  applyEdits(fields, editsOf(denied?.headers ?? NONE));
  const body = Buffer.from(denied?.body ?? "");
  if (body.length > 0 && !fields.has("content-type")) fields.set("content-type", "text/plain; charset=utf-8");
  // A refusal that says 200 would be a pass to whoever reads it.
  const answer = { status: code >= 300 && code <= 599 ? code : REFUSAL, fields, body };
  const nothing = { request: NONE, remove: NONE, response: NONE, setQuery: NONE, removeQuery: NONE };
  return { allowed: false, shareable: isShareable(answer), answer, ...nothing };
}

function editsOf(headers: readonly CheckHeader[]): FieldEdit[] {
  return headers.flatMap((option): FieldEdit[] => {
    const { header, append, appendAction } = option;
    const name = header?.key.toLowerCase() ?? "";
    // Host, framing and the fields of a connection are nobody's but the wire's.
    if (header === undefined || name.startsWith(":") || fieldProblem(name) !== undefined) return [];
    const value = header.rawValue.length > 0 ? Buffer.from(header.rawValue).toString("latin1") : header.value;
    Fields.from([[name, value]]);
    return [{ name, value, action: actionOf(name, append, appendAction) }];
  });
}

function actionOf(name: string, append: boolean | undefined, action: number): FieldAction {
  if (append === true) return "add";
  if (action === 1) return "add-if-absent";
  if (action === 3) return "set-if-there";
  // One field for each cookie (RFC 6265 §3).
  return name === "set-cookie" ? "add" : "set";
}

/** Makes the edits on a message, in order. */
export function applyEdits(fields: Fields, edits: readonly FieldEdit[]): void {
  for (const { name, value, action } of edits) {
    if (action === "add-if-absent" && fields.has(name)) continue;
    if (action === "set-if-there" && !fields.has(name)) continue;
    if (action === "add" || action === "add-if-absent") fields.append(name, value);
    else fields.set(name, value);
  }
}

/** Makes on a request what an answer wants that lets it pass. */
export function applyDecision(outgoing: Outgoing, decision: CheckDecision): void {
  const { request, remove, setQuery, removeQuery } = decision;
  applyEdits(outgoing.fields, request);
  for (const name of remove) outgoing.fields.remove(name);
  if (setQuery.length > 0 || removeQuery.length > 0)
    outgoing.query = edited(outgoing.query, setQuery, removeQuery);
}

/** Parameters that are not meant stay as they were written. */
function edited(query: string, set: CheckDecision["setQuery"], remove: readonly string[]): string {
  const gone = new Set([...remove, ...set.map(([name]) => name)]);
  const parts = query === "" ? [] : query.slice(1).split("&");
  const left = parts.filter((part) => !gone.has(nameOf(part)));
  const wanted = set.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const all = [...left, ...wanted];
  return all.length === 0 ? "" : `?${all.join("&")}`;
}

function nameOf(part: string): string {
  const [name = ""] = part.split("=", 1);
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}
