import type { Random } from "../support/random.ts";
import type { Draft, LineDraft } from "./draft.ts";
import {
  CODINGS,
  CONNECTIONS,
  ENDS,
  EXTENSIONS,
  FORBIDDEN_TRAILERS,
  LENGTHS,
  METHODS,
  NAMES_OF_FRAMING,
  SIZES,
  STATUSES,
  TARGETS,
  VERSIONS,
} from "./spellings.ts";
import { chance, content, fieldName, fieldValue, pick } from "./words.ts";

type Mutation = (random: Random, draft: Draft) => void;

const common: Readonly<Record<string, Mutation>> = {
  "field: duplicated": (random, { fields }) => {
    if (fields.length > 0) fields.splice(random.below(fields.length + 1), 0, { ...pick(random, fields) });
  },
  "field: moved": (random, { fields }) => {
    const [moved] = fields.splice(random.below(fields.length), 1);
    if (moved !== undefined) fields.splice(random.below(fields.length + 1), 0, moved);
  },
  "field: removed": (random, { fields }) => void fields.splice(random.below(fields.length), 1),
  "field: case": (random, draft) =>
    changeField(random, draft, (field) => {
      field.name = chance(random, 50) ? field.name.toUpperCase() : field.name.toLowerCase();
      if (chance(random, 30)) field.value = field.value.toUpperCase();
    }),
  "field: colon": (random, draft) =>
    changeField(random, draft, (field) => {
      field.colon = pick(random, [
        "",
        " :",
        "\t:",
        "::",
        ": :",
        ":\v",
        ":\0",
        " ",
        "=",
        ":\r\n ",
        ":\r\n\t",
        ";",
      ]);
    }),
  "field: name": (random, draft) =>
    changeField(random, draft, (field) => {
      field.name = pick(random, [
        "",
        " ",
        " X",
        "X ",
        "X Y",
        "X\0",
        "\xc9",
        "X(",
        "X/Y",
        '"X"',
        "X\r",
        "X\n",
        ":",
        "[x]",
        "\tX",
      ]);
    }),
  "field: underscore": (random, draft) =>
    changeField(random, draft, (field) => {
      field.name = field.name.replaceAll("-", "_");
    }),
  "field: line end": (random, draft) =>
    changeField(random, draft, (field) => {
      field.end = pick(random, ENDS);
    }),
  "field: folded": (random, draft) =>
    changeField(random, draft, (field) => {
      field.value = `${field.value}\r\n${pick(random, [" ", "\t", "  "])}${fieldValue(random)}`;
    }),
  "field: many": (random, { fields }) => {
    for (let left = 60 + random.below(60); left > 0; left--)
      fields.push({ name: "a", colon: ":", value: String(left), end: "\r\n" });
  },
  "framing: length": (random, draft) => frame(random, draft, "Content-Length", pick(random, LENGTHS)),
  "framing: length off": (random, draft) => frame(random, draft, "Content-Length", String(random.below(40))),
  "framing: coding": (random, draft) => frame(random, draft, "Transfer-Encoding", pick(random, CODINGS)),
  "framing: added": (random, draft) =>
    add(
      random,
      draft,
      pick(random, NAMES_OF_FRAMING),
      pick(random, ["5", "0", "chunked", "close", "a.example"]),
    ),
  connection: (random, draft) => add(random, draft, "Connection", pick(random, CONNECTIONS)),
  upgrade: (random, draft) => {
    add(random, draft, "Upgrade", pick(random, ["websocket", "h2c", "foo, websocket", "WebSocket"]));
    add(random, draft, "Connection", pick(random, ["Upgrade", "upgrade, close", "keep-alive, Upgrade"]));
  },
  "line ends": (random, draft) => {
    const end = pick(random, ENDS);
    if (chance(random, 50)) draft.startEnd = end;
    else draft.headEnd = end;
  },
  "all lines end with LF": (_random, draft) => {
    draft.startEnd = "\n";
    draft.headEnd = "\n";
    for (const field of draft.fields) field.end = "\n";
  },
  gaps: (random, draft) => {
    draft.gaps[random.below(2)] = pick(random, ["", "  ", "\t", "\v", "\r", "\n", " \t", "\xa0", "\0"]);
  },
  before: (random, draft) => {
    draft.before = pick(random, ["\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", "\0", " \r\n", "\xef\xbb\xbf"]);
  },
  "chunk: size": (random, draft) =>
    changeChunk(random, draft, (chunk) => {
      chunk.size = pick(random, SIZES);
    }),
  "chunk: size off": (random, draft) =>
    changeChunk(random, draft, (chunk) => {
      chunk.size = random.below(24).toString(16);
    }),
  "chunk: extension": (random, draft) =>
    changeChunk(random, draft, (chunk) => {
      chunk.extension = pick(random, EXTENSIONS);
    }),
  "chunk: line end": (random, draft) =>
    changeChunk(random, draft, (chunk) => {
      if (chance(random, 50)) chunk.sizeEnd = pick(random, ENDS);
      else chunk.dataEnd = pick(random, ENDS);
    }),
  "chunk: removed": (random, { chunks }) => void chunks?.splice(random.below(chunks.length), 1),
  "chunk: last doubled": (_random, { chunks }) => void chunks?.push({ ...chunks.at(-1)! }),
  "trailer: forbidden": (random, { chunks, trailers }) => {
    if (chunks !== undefined)
      trailers.push({ name: pick(random, FORBIDDEN_TRAILERS), colon: ": ", value: "5", end: "\r\n" });
  },
  "trailer: broken": (random, { trailers }) => {
    const trailer = pick(random, trailers);
    if (trailer === undefined) return;
    if (chance(random, 50)) trailer.colon = pick(random, ["", " :", "\r\n "]);
    else trailer.end = pick(random, ENDS);
  },
  "body end": (random, draft) => {
    draft.bodyEnd = pick(random, ENDS);
  },
  "body: other": (random, draft) => {
    draft.content = content(random);
  },
};

const request: Readonly<Record<string, Mutation>> = {
  ...common,
  method: (random, { words }) => {
    words[0] = pick(random, METHODS);
  },
  target: (random, { words }) => {
    words[1] = pick(random, TARGETS);
  },
  version: (random, { words }) => {
    words[2] = pick(random, VERSIONS);
  },
  host: (random, draft) =>
    frame(
      random,
      draft,
      "Host",
      pick(random, [
        "",
        "a b",
        "a,b",
        "a@b",
        "a/b",
        "a:x",
        "[::1",
        "a\0",
        "\xc9",
        "a:80:80",
        "a.example:",
        "a%zz",
      ]),
    ),
  expect: (random, draft) =>
    add(random, draft, "Expect", pick(random, ["100-continue", "100-Continue", "200-ok", ""])),
  "HTTP/1.0": (_random, { words }) => {
    words[2] = "HTTP/1.0";
  },
};

const response: Readonly<Record<string, Mutation>> = {
  ...common,
  version: (random, { words }) => {
    words[0] = pick(random, VERSIONS);
  },
  status: (random, { words }) => {
    words[1] = pick(random, STATUSES);
  },
  phrase: (random, draft) => {
    draft.words[2] = pick(random, ["", "a\0b", "a\x7f", "\xc9\xe9", "a\rb", "x".repeat(400)]);
    if (chance(random, 30)) draft.gaps[1] = "";
  },
  "HTTP/1.0": (_random, { words }) => {
    words[0] = "HTTP/1.0";
  },
};

const byName = { request: Object.entries(request), response: Object.entries(response) };

/** Changes one message by its grammar; returns what was done. */
export function mutateDraft(random: Random, draft: Draft, side: "request" | "response"): string {
  const [name, change] = pick(random, byName[side]);
  change(random, draft);
  return name;
}

function changeField(random: Random, { fields }: Draft, change: (field: LineDraft) => void): void {
  const framing = fields.filter(({ name }) => NAMES_OF_FRAMING.includes(name));
  const from = framing.length > 0 && chance(random, 50) ? framing : fields;
  if (from.length > 0) change(pick(random, from));
}

function changeChunk(
  random: Random,
  { chunks }: Draft,
  change: (chunk: NonNullable<Draft["chunks"]>[number]) => void,
): void {
  if (chunks !== undefined && chunks.length > 0) change(pick(random, chunks));
}

/** Gives the field that frames the message another value, or the message such a field. */
function frame(random: Random, draft: Draft, name: string, value: string): void {
  const field = draft.fields.find((line) => line.name === name);
  if (field === undefined) add(random, draft, name, value);
  else field.value = value;
}

function add(random: Random, { fields }: Draft, name: string, value: string): void {
  const spelt = chance(random, 80)
    ? name
    : pick(random, [name.toLowerCase(), name.toUpperCase(), fieldName(random)]);
  fields.splice(random.below(fields.length + 1), 0, { name: spelt, colon: ": ", value, end: "\r\n" });
}
