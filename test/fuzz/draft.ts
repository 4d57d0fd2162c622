/** A message in pieces that can still be changed one by one; all of it is latin1 text. */

export interface LineDraft {
  name: string;
  colon: string;
  value: string;
  end: string;
}

export interface ChunkDraft {
  size: string;
  extension: string;
  sizeEnd: string;
  data: string;
  dataEnd: string;
}

export interface Draft {
  /** What stands before the start line. */
  before: string;
  /** Three words of a request line or a status line, and what stands between them. */
  words: [string, string, string];
  gaps: [string, string];
  startEnd: string;
  fields: LineDraft[];
  headEnd: string;
  /** The body where it is not chunked. */
  content: string;
  chunks: ChunkDraft[] | undefined;
  trailers: LineDraft[];
  bodyEnd: string;
  /** What a reader makes of the body. */
  readonly body: string;
  /** No message may follow. */
  readonly last: boolean;
}

/** The bytes of a message. */
export function render(draft: Draft): string {
  const { before, words, gaps, startEnd, fields, headEnd, content, chunks, trailers, bodyEnd } = draft;
  const start = before + words[0] + gaps[0] + words[1] + gaps[1] + words[2] + startEnd;
  const head = start + renderLines(fields) + headEnd;
  if (chunks === undefined) return head + content;
  let body = "";
  for (const chunk of chunks)
    body += chunk.size + chunk.extension + chunk.sizeEnd + chunk.data + chunk.dataEnd;
  return head + body + renderLines(trailers) + bodyEnd;
}

function renderLines(lines: readonly LineDraft[]): string {
  let text = "";
  for (const { name, colon, value, end } of lines) text += name + colon + value + end;
  return text;
}
