import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import { type ReasonSpec, reasonSpec } from "./reasons.ts";

/** The answer to a failure: a problem document (RFC 9457) with the reason and the id to quote. */
export function problemReply(
  code: string,
  requestId: string,
  detail?: string,
  extra?: Readonly<Record<string, ReasonSpec>>,
): Reply {
  const { status, title } = reasonSpec(code, extra);
  const document = { type: "about:blank", title, status, reason: code, detail, requestId };
  const fields = new Fields();
  fields.put("content-type", "application/problem+json");
  fields.put("cache-control", "no-store");
  fields.put("x-request-id", requestId);
  const reply = new Reply(status, fields, HeldBody.fromText(JSON.stringify(document)));
  reply.reason = code;
  return reply;
}
