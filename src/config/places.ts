import { EVENT_ID, type Event, getScalarValue, parseEvents } from "js-yaml";
import type { Place } from "./problem.ts";

/** Finds the place of what stands at a path: of the value, or of the key by which it is written. */
export type FindPlace = (path: readonly PropertyKey[], part?: "value" | "key") => Place | undefined;

/** The line and column of an offset; both from 1. */
export function placeAt(text: string, offset: number): Place {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf("\n"); next !== -1 && next < offset; next = text.indexOf("\n", start)) {
    line++;
    start = next + 1;
  }
  return { line, column: offset - start + 1 };
}

/** A value in a text: where it begins, and what stands in it. */
interface TextNode {
  readonly start: number;
  /** Entries of a map, or of a list by index; undefined for a scalar. */
  readonly entries: Map<string, { readonly key: number; readonly value: TextNode }> | undefined;
  /** What `<<` brings in. */
  readonly merged: TextNode[];
}

/** Finds places in YAML or JSON. The positions are made at the first question: only a problem needs them. */
export function placesIn(text: string): FindPlace {
  let root: TextNode | undefined;
  let made = false;
  return (path, part = "value") => {
    if (!made) root = treeOf(text);
    made = true;
    if (root === undefined) return { line: 1, column: 1 };
    let node = root;
    let at = root.start;
    for (const [i, key] of path.entries()) {
      const entry = entryOf(node, String(key));
      if (entry === undefined) break;
      const last = i === path.length - 1;
      node = entry.value;
      // A map below its key is shown by its key; so is what is asked for by it.
      const below =
        node.start < 0 || (node.entries !== undefined && text.slice(entry.key, node.start).includes("\n"));
      at = (last && part === "key") || below ? entry.key : node.start;
    }
    return placeAt(text, at);
  };
}

function entryOf(node: TextNode, key: string): { key: number; value: TextNode } | undefined {
  const own = node.entries?.get(key);
  if (own !== undefined) return own;
  for (const merged of node.merged) {
    const found = merged === node ? undefined : merged.entries?.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function treeOf(text: string): TextNode | undefined {
  try {
    return new TreeReader(text, parseEvents(text, {})).read();
  } catch {
    return undefined;
  }
}

/** Makes a tree of the parser's flat events. */
class TreeReader {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #anchors = new Map<string, TextNode>();
  #next = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
  }

  read(): TextNode | undefined {
    if (this.#events[0]?.type !== EVENT_ID.DOCUMENT) return undefined;
    this.#next = 1;
    return this.#events.length > 2 ? this.#node() : undefined;
  }

  #node(): TextNode {
    const event = this.#events[this.#next++];
    switch (event?.type) {
      case EVENT_ID.ALIAS:
        return (
          this.#anchors.get(this.#text.slice(event.anchorStart, event.anchorEnd)) ??
          leaf(event.anchorStart - 1)
        );
      case EVENT_ID.SCALAR:
        return this.#anchored(event, leaf(startOf(event)));
      case EVENT_ID.SEQUENCE: {
        const node = this.#anchored(event, { start: event.start, entries: new Map(), merged: [] });
        for (let i = 0; !this.#ends(); i++) {
          const value = this.#node();
          node.entries!.set(String(i), { key: value.start, value });
        }
        return node;
      }
      case EVENT_ID.MAPPING: {
        const node = this.#anchored(event, { start: event.start, entries: new Map(), merged: [] });
        while (!this.#ends()) this.#entry(node);
        return node;
      }
      default:
        throw new RangeError("the events end early");
    }
  }

  #entry(node: TextNode): void {
    const event = this.#events[this.#next];
    const name = event?.type === EVENT_ID.SCALAR ? getScalarValue(this.#text, event) : "";
    const key = this.#node().start;
    const value = this.#node();
    if (name === "<<")
      node.merged.push(
        ...(isList(this.#text, value) ? [...value.entries!.values()].map((one) => one.value) : [value]),
      );
    else node.entries!.set(name, { key, value });
  }

  #ends(): boolean {
    if (this.#events[this.#next]?.type !== EVENT_ID.POP) return false;
    this.#next++;
    return true;
  }

  #anchored(event: { readonly anchorStart: number; readonly anchorEnd: number }, node: TextNode): TextNode {
    if (event.anchorStart >= 0) this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), node);
    return node;
  }
}

function leaf(start: number): TextNode {
  return { start, entries: undefined, merged: [] };
}

function isList(text: string, node: TextNode): boolean {
  return node.entries !== undefined && (text[node.start] === "[" || text[node.start] === "-");
}

/** Quotes belong to a scalar, its event's offsets lie within them. -1 for one that is not written. */
function startOf(event: Extract<Event, { type: typeof EVENT_ID.SCALAR }>): number {
  const quoted = event.style === 2 || event.style === 3;
  return event.valueStart < 0 ? -1 : event.valueStart - (quoted ? 1 : 0);
}
