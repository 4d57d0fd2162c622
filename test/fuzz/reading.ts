/** What a reader of HTTP/1.1 made of a stream of bytes, in a form in which two readers can be compared. Text is latin1. */

export type FieldLine = readonly [name: string, value: string];

export interface Message {
  /** Of a request; empty in a response. */
  readonly method: string;
  /** Of a request: as it was written, or as we hand it on (path and query). */
  readonly target: string;
  /** Of a request, from its Host or its target; undefined where the reader leaves that to others. */
  readonly authority: string | undefined;
  /** Of a response; 0 in a request. */
  readonly status: number;
  readonly phrase: string;
  /** 10 or 11; undefined where the reader does not tell. */
  readonly version: number | undefined;
  /** Names in lower case, values without white space around them. */
  readonly fields: readonly FieldLine[];
  body: string;
  trailers: readonly FieldLine[];
  /** Another message may follow on the connection; undefined where the reader does not tell. */
  persistent: boolean | undefined;
  complete: boolean;
}

export interface Reading {
  readonly messages: readonly Message[];
  /** Why the reader gave up: "reason: detail"; undefined when it did not. */
  readonly refusal: string | undefined;
}

/** A stream of bytes from one side of a connection. */
export interface Input {
  readonly side: "request" | "response";
  readonly bytes: Buffer;
  /** Method of the request that a response answers. */
  readonly method: string;
  /** What was done to a well-formed stream to make this one; empty when nothing was. */
  readonly mutations: readonly string[];
  /** The bodies that a well-formed stream was made with, informational replies included. */
  readonly bodies: readonly string[];
}

/** A problem that one input showed. */
export interface Finding {
  readonly kind: string;
  readonly detail: string;
}

/** Names in lower case. */
export function lowerNames(fields: Iterable<FieldLine>): FieldLine[] {
  return Array.from(fields, ([name, value]) => [name.toLowerCase(), value]);
}
