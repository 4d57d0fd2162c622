import { HeldBody } from "../lib/body.ts";
import { Kind } from "../lib/field-kinds.ts";
import type { Fields, ReadonlyFields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import { fieldProblem } from "../pipeline/template-options.ts";

/** An answer of somebody outside that a client is to get, kept so that it can be given several times. */
export interface OutsideAnswer {
  readonly status: number;
  readonly fields: ReadonlyFields;
  readonly body: Uint8Array;
}

/** Bytes of a body that is remembered: thousands of refusals must not become a memory of pages. */
export const REMEMBERED_BODY_MAX = 4_096;

/** A reply of its own for one client. */
export function replyOf({ status, fields, body }: OutsideAnswer): Reply {
  const reply = new Reply(status, fields.clone(), body.length === 0 ? undefined : new HeldBody(body));
  reply.fields.dropHopByHop();
  reply.fields.leaveOut(Kind.contentLength);
  reply.fields.remove("via");
  return reply;
}

/** Whether an answer may be given to more than one client. */
export function isShareable({ fields, body }: OutsideAnswer): boolean {
  return body.length <= REMEMBERED_BODY_MAX && !fields.has("set-cookie");
}

/** Puts a field on a message where it may be put; false where it belongs to the connection or cannot stand there. */
export function putField(fields: Fields, name: string, value: string, add: boolean): boolean {
  if (fieldProblem(name) !== undefined) return false;
  try {
    if (add) fields.append(name, value);
    else fields.set(name, value);
    return true;
  } catch {
    return false;
  }
}

/** The fields of these names, in order, as they may be put on another message. */
export function picked(fields: ReadonlyFields, meant: (name: string) => boolean): [string, string][] {
  return [...fields.entries()].filter(([name]) => meant(name) && fieldProblem(name) === undefined);
}
