import { Failure } from "../../errors/failure.ts";
import { HOP_BY_HOP, Kind } from "../../lib/field-kinds.ts";
import type { Fields } from "../../lib/fields.ts";
import { responseFraming } from "../framing.ts";
import { ResponseHead } from "../response-reader.ts";
import type { FieldSection } from "./field-section.ts";

/** What may not stand behind a body, since it would change what the message is (RFC 9110 §6.5.1). */
const NEVER_IN_TRAILERS: number = HOP_BY_HOP | Kind.contentLength | Kind.host | Kind.trailer;

/** What has no meaning behind a body, and is not passed on there. */
const DROPPED_FROM_TRAILERS: readonly string[] = [
  ...["age", "cache-control", "content-encoding", "content-range", "content-type", "expires", "if-match"],
  ...["if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards"],
  ...["pragma", "range", "retry-after", "vary", "warning"],
];

const STATUS = /^[1-9][0-9]{2}$/;

/**
 * Makes a response head of a header block (RFC 9113 §8.3.2); its framing is the length that it announces, else -2.
 * @param method of the request: it decides whether a body follows
 */
export function responseHeadOf(section: FieldSection, method: string): ResponseHead | Failure {
  const failure = failureOf(section);
  if (failure !== undefined) return failure;
  const status = section.pseudo.get(":status");
  if (status === undefined || section.pseudo.size > 1)
    return malformed("its pseudo-fields are not :status alone");
  if (!STATUS.test(status)) return malformed(":status is no status");
  // RFC 9113 §8.6: HTTP/2 switches no protocols so.
  if (status === "101") return malformed("HTTP/2 knows no 101");
  const fields = section.fields();
  const framing = responseFraming(fields, 20, section.twice, Number(status), method);
  if (typeof framing !== "number") return framing;
  return new ResponseHead(Number(status), 20, undefined, fields, framing, true);
}

/** Makes trailers of a header block. */
export function trailersOf(section: FieldSection): Fields | Failure {
  const failure = failureOf(section);
  if (failure !== undefined) return failure;
  if (section.pseudo.size > 0) return malformed("a pseudo-field stands in the trailers");
  if ((section.kinds & NEVER_IN_TRAILERS) !== 0)
    return malformed("a trailer would change the message's framing");
  const fields = section.fields();
  // What routes, authenticates or tells of the sender has no meaning behind the body.
  fields.dropped = -1;
  for (const name of DROPPED_FROM_TRAILERS) fields.remove(name);
  return fields;
}

function failureOf(section: FieldSection): Failure | undefined {
  if (section.problem !== "") return malformed(section.problem);
  return section.excess === undefined ? undefined : new Failure("response_head_too_large");
}

function malformed(detail: string): Failure {
  return new Failure("response_malformed", detail);
}
