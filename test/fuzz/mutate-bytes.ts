import type { Random } from "../support/random.ts";
import { pick } from "./words.ts";

type Mutation = (random: Random, text: string) => string;

const SPECIAL = [
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "\r\n ",
  "\x7f",
  "\x01",
  "\v",
  "\f",
  "\x80",
  "\xff",
  "\xa0",
  "0",
  "\r\n0\r\n\r\n",
  "=",
  '"',
  "\\",
  "/",
  "%",
];

const mutations: Readonly<Record<string, Mutation>> = {
  "bytes: one flipped": (random, text) => {
    const at = random.below(text.length);
    return splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8))));
  },
  "bytes: one replaced": (random, text) =>
    splice(text, random.below(text.length), 1, String.fromCharCode(random.below(256))),
  "bytes: special inserted": (random, text) =>
    splice(text, random.below(text.length + 1), 0, pick(random, SPECIAL)),
  "bytes: special replaces": (random, text) =>
    splice(text, random.below(text.length), 1, pick(random, SPECIAL)),
  "bytes: removed": (random, text) => splice(text, random.below(text.length), 1 + random.below(4), ""),
  "bytes: doubled": (random, text) => {
    const from = random.below(text.length);
    return splice(text, from, 0, text.slice(from, from + 1 + random.below(30)));
  },
  "bytes: line lost its CR": (random, text) => replaceNth(random, text, "\r\n", "\n"),
  "bytes: line lost its LF": (random, text) => replaceNth(random, text, "\r\n", "\r"),
  "bytes: line lost its end": (random, text) => replaceNth(random, text, "\r\n", ""),
  "bytes: case": (random, text) => {
    const from = random.below(text.length);
    const part = text.slice(from, from + 12);
    return splice(
      text,
      from,
      part.length,
      part.replace(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) ^ 0x20)),
    );
  },
  "bytes: cut off": (random, text) => text.slice(0, random.below(text.length)),
  "bytes: more behind": (random, text) =>
    text +
    pick(random, [
      "\r\n",
      "\n",
      "x",
      "\0",
      "0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]),
};

const list = Object.entries(mutations);

/** Changes a stream without regard to its grammar, and adds to `done` what was done. */
export function mutateBytes(random: Random, text: string, done: string[]): string {
  if (text === "") return text;
  const [name, change] = pick(random, list);
  done.push(name);
  return change(random, text);
}

function splice(text: string, at: number, remove: number, insert: string): string {
  return text.slice(0, at) + insert + text.slice(at + remove);
}

function replaceNth(random: Random, text: string, search: string, by: string): string {
  const parts = text.split(search);
  if (parts.length < 2) return text;
  const at = random.below(parts.length - 1);
  return `${parts.slice(0, at + 1).join(search)}${by}${parts.slice(at + 1).join(search)}`;
}
