import type { Difference } from "./compare.ts";
import type { Input, Message, Reading } from "./reading.ts";

/** A case in which llhttp differs from us and is not to be followed. */
interface Allowance {
  readonly name: string;
  /** Who says so. */
  readonly source: string;
  /** Parts of the first message that is read in another way which may differ. */
  readonly kinds: readonly string[];
  readonly holds: (difference: Difference, input: string, ours: Reading, theirs: Reading) => boolean;
}

const ALLOWED: readonly Allowance[] = [
  {
    name: "bad white space around ; and = of a chunk extension",
    source: "RFC 9112 §7.1.1: a recipient must parse it; llhttp refuses it",
    kinds: ["complete", "body", "trailers", "body so far"],
    holds: (_difference, input, _ours, { refusal = "" }) =>
      /^HPE_(?:INVALID_CHUNK_SIZE|STRICT): Invalid character in chunk (?:size|extensions)|^SILENT:/.test(
        refusal,
      ) && /\n[0-9A-Fa-f]+[ \t]*(?:[^\r\n]*;[^\r\n]*)?(?:[ \t][;=]|[;=][ \t])/.test(input),
  },
  {
    name: "a tab behind the last coding of Transfer-Encoding",
    source:
      "RFC 9110 §5.5: white space around a value is not part of it; llhttp takes the coding for another",
    kinds: ["refused", "complete", "body", "trailers", "body so far", "persistent"],
    holds: (_difference, input) => /\ntransfer-encoding:[ \t]*chunked *\t[ \t]*\r/i.test(input),
  },
  {
    name: "an informational response with a length",
    source: "RFC 9112 §6.3: a 1xx ends with its head; llhttp reads a body",
    kinds: ["refused", "complete", "body", "one more"],
    holds: ({ index }, _input, { messages }) => framed(messages[index]) || framed(messages[index - 1]),
  },
  {
    name: "an informational response that closes, or of HTTP/1.0",
    source: "RFC 9110 §15.2: the final response follows it in any case; llhttp reads no further",
    kinds: ["refused"],
    holds: ({ index }, _input, { messages }, { refusal = "" }) =>
      refusal.startsWith("HPE_CLOSED_CONNECTION") && isInformational(messages[index - 1]),
  },
  {
    name: "HTTP/1.0 that asks both to close and to keep alive",
    source: "RFC 9112 §9.3: close comes first; llhttp looks for keep-alive only",
    kinds: ["persistent"],
    holds: ({ index }, _input, { messages }, { messages: others }) =>
      messages[index]?.persistent === false &&
      /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(valuesOf(others[index], "connection")),
  },
  {
    name: "Proxy-Connection",
    source: "RFC 9112 §C.2.2: it is no standard and does more harm than good; llhttp takes it for Connection",
    kinds: ["persistent"],
    holds: ({ index }, _input, _ours, { messages }) => valuesOf(messages[index], "proxy-connection") !== "",
  },
];

function valuesOf(message: Message | undefined, wanted: string): string {
  const lines = message?.fields.filter(([name]) => name === wanted) ?? [];
  return lines.map(([, value]) => value).join(",");
}

function isInformational(message: Message | undefined): boolean {
  return message !== undefined && message.status >= 100 && message.status < 200;
}

function framed(message: Message | undefined): boolean {
  return (
    isInformational(message) &&
    message!.fields.some(([name]) => name === "content-length" || name === "transfer-encoding")
  );
}

/**
 * Why these differences are in order; undefined when one is not. What follows the first message that is read in
 * another way says nothing any more.
 */
export function allowanceFor(
  differences: readonly Difference[],
  input: Input,
  ours: Reading,
  theirs: Reading,
): readonly string[] | undefined {
  const [first] = differences;
  if (first === undefined) return undefined;
  const text = input.bytes.latin1Slice(0, input.bytes.length);
  const names = new Set<string>();
  for (const difference of differences.filter(({ index }) => index === first.index)) {
    const found = ALLOWED.find(
      ({ kinds, holds }) => kinds.includes(difference.kind) && holds(difference, text, ours, theirs),
    );
    if (found === undefined) return undefined;
    names.add(found.name);
  }
  return [...names];
}

/** For the report: what is allowed, and by whom. */
export const ALLOWANCES: readonly { readonly name: string; readonly source: string }[] = ALLOWED;
