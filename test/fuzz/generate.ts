import type { Random } from "../support/random.ts";
import { type ChunkDraft, type Draft, type LineDraft, render } from "./draft.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateDraft } from "./mutate-draft.ts";
import type { Input } from "./reading.ts";
import {
  chance,
  chunkExtension,
  chunkSize,
  content,
  fieldName,
  fieldValue,
  host,
  method,
  ows,
  path,
  pick,
} from "./words.ts";

const CODINGS = ["chunked", "Chunked", "CHUNKED"];
const FINAL = [200, 201, 204, 206, 301, 304, 400, 404, 416, 500, 503, 599, 799];
const INFORMATIONAL = [100, 102, 103, 199];

/** Makes one stream of bytes: well-formed for three inputs in ten, changed in one to four ways in the others. */
export function generate(random: Random): Input {
  const side = chance(random, 65) ? "request" : "response";
  const asked = side === "request" || chance(random, 85) ? "GET" : "HEAD";
  const drafts = side === "request" ? requests(random) : responses(random, asked);
  const bodies = drafts.map(({ body }) => body);
  const mutations: string[] = [];
  let text: string;
  if (chance(random, 30)) text = drafts.map(render).join("");
  else {
    let changes = 1 + random.below(chance(random, 20) ? 4 : 1);
    while (changes-- > 0 && chance(random, 65))
      mutations.push(mutateDraft(random, pick(random, drafts), side));
    text = drafts.map(render).join("");
    for (; changes >= 0; changes--) text = mutateBytes(random, text, mutations);
  }
  return { side, bytes: Buffer.from(text, "latin1"), method: asked, mutations, bodies };
}

function requests(random: Random): Draft[] {
  const drafts = [request(random)];
  while (!drafts.at(-1)!.last && drafts.length < 4 && chance(random, 35)) drafts.push(request(random));
  return drafts;
}

function request(random: Random): Draft {
  const old = chance(random, 10);
  const verb = method(random);
  const authority = host(random);
  const fields = ordinaryFields(random);
  let target = path(random);
  if (verb === "OPTIONS" && chance(random, 30)) target = "*";
  else if (chance(random, 5)) target = `${pick(random, ["http", "HTTP"])}://${authority}${path(random)}`;
  const keep = chance(random, old ? 40 : 90);
  if (old ? keep : !keep) insert(random, fields, "Connection", old ? "keep-alive" : "close");
  else if (chance(random, 8))
    insert(random, fields, "Connection", pick(random, ["x-a", "TE", "Upgrade", "x, y"]));
  if (!old || chance(random, 50)) insert(random, fields, "Host", authority);
  const body = chance(random, verb === "GET" ? 10 : 60) ? content(random) : undefined;
  if (body !== undefined && !old && chance(random, 8)) insert(random, fields, "Expect", "100-continue");
  const before = chance(random, 3) ? "\r\n" : "";
  return draft(random, [verb, target, old ? "HTTP/1.0" : "HTTP/1.1"], before, fields, body, !old, !keep);
}

function responses(random: Random, asked: string): Draft[] {
  const drafts: Draft[] = [];
  while (drafts.length < 3 && chance(random, 12)) {
    const status = String(pick(random, INFORMATIONAL));
    drafts.push(
      draft(random, ["HTTP/1.1", status, "Some Words"], "", ordinaryFields(random), undefined, true, false),
    );
  }
  const old = chance(random, 10);
  const status = pick(random, FINAL);
  const fields = ordinaryFields(random);
  const keep = chance(random, old ? 40 : 80);
  if (old ? keep : !keep) insert(random, fields, "Connection", old ? "keep-alive" : "close");
  const words: [string, string, string] = [
    old ? "HTTP/1.0" : "HTTP/1.1",
    String(status),
    pick(random, ["OK", "Not Found", "", "Words\tof \xe9"]),
  ];
  const bare = status === 204 || status === 304 || asked === "HEAD";
  const body = bare ? undefined : content(random);
  if (bare && status !== 204 && chance(random, 30)) insert(random, fields, "Content-Length", "12");
  const toTheEnd = !bare && chance(random, 15);
  const made = draft(random, words, "", fields, toTheEnd ? undefined : body, !old, true);
  drafts.push(toTheEnd ? { ...made, content: body ?? "", body: body ?? "" } : made);
  return drafts;
}

/** A message around these fields; a body brings the field that frames it. */
function draft(
  random: Random,
  words: [string, string, string],
  before: string,
  fields: LineDraft[],
  body: string | undefined,
  mayChunk: boolean,
  last: boolean,
): Draft {
  const chunked = body !== undefined && mayChunk && chance(random, 55);
  if (chunked) insert(random, fields, "Transfer-Encoding", pick(random, CODINGS));
  else if (body !== undefined)
    insert(random, fields, "Content-Length", String(body.length).padStart(1 + random.below(4), "0"));
  return {
    before,
    words,
    gaps: [" ", " "],
    startEnd: "\r\n",
    fields,
    headEnd: "\r\n",
    content: body ?? "",
    chunks: chunked ? chunksOf(random, body) : undefined,
    trailers: chunked && chance(random, 25) ? ordinaryTrailers(random) : [],
    bodyEnd: chunked ? "\r\n" : "",
    body: body ?? "",
    last,
  };
}

function chunksOf(random: Random, body: string): ChunkDraft[] {
  const chunks: ChunkDraft[] = [];
  for (let at = 0; at < body.length; ) {
    const data = body.slice(at, at + 1 + random.below(chance(random, 50) ? 6 : body.length));
    at += data.length;
    chunks.push(chunk(random, data, "\r\n"));
  }
  chunks.push(chunk(random, "", ""));
  return chunks;
}

function chunk(random: Random, data: string, dataEnd: string): ChunkDraft {
  const size = chunkSize(random, data.length);
  return { size, extension: chunkExtension(random), sizeEnd: "\r\n", data, dataEnd };
}

function ordinaryFields(random: Random): LineDraft[] {
  const count = chance(random, 97) ? random.below(5) : 30 + random.below(40);
  return Array.from({ length: count }, () => line(random, fieldName(random), fieldValue(random)));
}

function ordinaryTrailers(random: Random): LineDraft[] {
  return Array.from({ length: 1 + random.below(3) }, () =>
    line(random, `X-${random.below(99)}`, fieldValue(random)),
  );
}

function line(random: Random, name: string, value: string): LineDraft {
  return { name, colon: `:${ows(random, " ")}`, value: value + ows(random, ""), end: "\r\n" };
}

function insert(random: Random, fields: LineDraft[], name: string, value: string): void {
  fields.splice(random.below(fields.length + 1), 0, line(random, name, value));
}
