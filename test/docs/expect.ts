/** Compares what a command said with what a page shows: loosely, by what a reader would look at. */
import type { Block } from "./blocks.ts";

/** Languages of blocks that show what the command before them says. */
export const SHOWN: ReadonlySet<string> = new Set(["text", "json", "http"]);

/** What differs, in a sentence; undefined where the output is as shown. */
export function difference({ language, text }: Block, output: string): string | undefined {
  if (language === "json") return jsonDifference(text, output);
  return language === "http" ? httpDifference(text, output) : textDifference(text, output);
}

/** Every line stands in the output, in this order; … is anything; times and ids may be others. */
function textDifference(shown: string, output: string): string | undefined {
  const lines = output.split("\n").map(plain);
  let from = 0;
  for (const line of shown.split("\n").map(plain)) {
    if (line === "" || line === "…") continue;
    const pattern = new RegExp(`^${line.split("…").map(loose).join(".*")}$`);
    const found = lines.findIndex((candidate, i) => i >= from && pattern.test(candidate));
    if (found < 0) return `nothing is like the line ${JSON.stringify(line)}`;
    from = found + 1;
  }
  return undefined;
}

function plain(line: string): string {
  return line.trim().replace(/\s+/g, " ");
}

/** Times, dates and ids of a line stand for any others. */
function loose(text: string): string {
  return text
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/\d{4}-\d\d-\d\dT[\d:]+(?:\\\.\d+)?Z/g, "[-\\dT:.]+Z")
    .replace(/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/g, "[\\da-f-]{36}")
    .replace(/\b\d+(?:\\\.\d+)? ?(ms|µs|s|MB|KB)\b/g, "[\\d.]+ ?$1")
    .replace(/\b(process|pid) \d+/g, "$1 \\d+");
}

/** The JSON in the output holds at least what is shown. */
function jsonDifference(shown: string, output: string): string | undefined {
  const start = output.search(/^[{[]/m);
  const found = start < 0 ? undefined : parse(output.slice(start));
  if (found === undefined) return "there is no JSON";
  return subset(parse(shown), found, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function subset(shown: unknown, found: unknown, path: string): string | undefined {
  if (shown === "…") return found === undefined ? `${path} is not there` : undefined;
  if (typeof shown !== "object" || shown === null)
    return shown === found ? undefined : `${path} is ${JSON.stringify(found)}, not ${JSON.stringify(shown)}`;
  if (typeof found !== "object" || found === null) return `${path} is ${JSON.stringify(found)}`;
  for (const [key, value] of Object.entries(shown)) {
    const problem = subset(value, (found as Record<string, unknown>)[key], `${path}.${key}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The same status, every field that is shown, and at least the JSON that is shown. */
function httpDifference(shown: string, output: string): string | undefined {
  const [head = "", body = ""] = split(shown);
  const [gotHead = "", gotBody = ""] = split(output.slice(Math.max(0, output.search(/^HTTP\/1/m))));
  const [status, ...fields] = head.split("\n").map(plain);
  const [gotStatus, ...gotFields] = gotHead.split("\n").map(plain);
  if (gotStatus !== status)
    return `the status is ${JSON.stringify(gotStatus)}, not ${JSON.stringify(status)}`;
  for (const field of fields) {
    const pattern = new RegExp(`^${field.split("…").map(loose).join(".*")}$`, "i");
    if (!gotFields.some((got) => pattern.test(got))) return `there is no field like ${JSON.stringify(field)}`;
  }
  if (body.trim() === "") return undefined;
  return parse(body) === undefined ? textDifference(body, gotBody) : jsonDifference(body, gotBody);
}

function split(message: string): string[] {
  const text = message.replaceAll("\r\n", "\n");
  const end = text.indexOf("\n\n");
  return end < 0 ? [text] : [text.slice(0, end), text.slice(end + 2)];
}
