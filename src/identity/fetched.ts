import { Fields } from "../lib/fields.ts";
import type { Caller, CallReply, CallRequest } from "../pipeline/calls.ts";

/** A JSON object that somebody outside answered with. */
export interface FetchedJson {
  readonly document: Readonly<Record<string, unknown>>;
  readonly reply: CallReply;
}

/** Asks for a JSON object. Rejects with a CallFailed, or an Error that says what came instead and nothing of what it said. */
export async function safeJson(caller: Caller, request: CallRequest): Promise<FetchedJson> {
  const fields = request.fields ?? Fields.from({ accept: "application/json" });
  const reply = await caller.call({ ...request, fields });
  if (reply.status !== 200) throw new Error(`it answered with status ${reply.status}`);
  return { document: objectIn(reply), reply };
}

/** The JSON object in an answer. Throws an Error that says nothing of the answer. */
export function objectIn({ body }: CallReply): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch {
    throw new Error("its answer is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("its answer is not a JSON object");
  return value as Record<string, unknown>;
}

/** Milliseconds that an answer may be kept for, as its `Cache-Control: max-age` says (RFC 9111 §5.2.2.1); undefined where it does not. */
export function maxAgeOf({ fields }: CallReply): number | undefined {
  const [, seconds] =
    /(?:^|[\s,])max-age="?(\d{1,9})"?(?:$|[\s,])/i.exec(fields.get("cache-control") ?? "") ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
