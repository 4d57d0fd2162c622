import { parseRequest, parseResponse } from "../support/strict-parser.ts";
import type { Input } from "./reading.ts";

/** Whether the first `count` messages of a stream are well-formed and complete by the letter of RFC 9112. */
export function isWellFormed({ side, bytes, method }: Input, count: number): boolean {
  const text = bytes.latin1Slice(0, bytes.length);
  let at = 0;
  for (let read = 0; read < count; read++) {
    const parsed = side === "request" ? parseRequest(text, at) : parseResponse(text, method, true, at);
    if (parsed.state !== "complete") return false;
    at = parsed.end;
  }
  return true;
}
