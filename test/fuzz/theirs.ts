import { METHODS, readByLlhttp } from "./llhttp.ts";
import type { Input, Reading } from "./reading.ts";

const KNOWN = "POST";
/** What it says of a method: of none, and of one of RTSP. */
const OF_METHOD = /^HPE_INVALID_METHOD|Invalid method/;
/** The first word of HTTP/2, behind which it expects the rest of that. */
const PREFACE = "PRI";

/**
 * How llhttp reads what we read. It knows only registered methods, where RFC 9110 §9.1 allows any token: a method that
 * it does not know is handed to it as POST, and put back into its reading.
 */
export function readByTheirs(input: Input, ours: Reading): Reading {
  const renamed = new Map<number, string>();
  let { bytes } = input;
  for (;;) {
    const theirs = readByLlhttp({ ...input, bytes });
    const at = theirs.messages.length;
    const method = ours.messages[at]?.method ?? "";
    const start =
      method === "" ||
      METHODS.has(method) ||
      renamed.has(at) ||
      !(method === PREFACE || OF_METHOD.test(theirs.refusal ?? ""))
        ? -1
        : bytes.latin1Slice(0, bytes.length).lastIndexOf(`${method} `, theirs.stoppedAt);
    if (start === -1) {
      const messages = theirs.messages.map((message, i) => ({
        ...message,
        method: renamed.get(i) ?? message.method,
      }));
      return { messages, refusal: theirs.refusal };
    }
    renamed.set(at, method);
    bytes = Buffer.concat([
      bytes.subarray(0, start),
      Buffer.from(KNOWN),
      bytes.subarray(start + method.length),
    ]);
  }
}
