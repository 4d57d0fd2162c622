/** What a row of the response table is: bytes that a service answers with, and what a client may see of them. */
import type { Field } from "../../support/strict-parser.ts";
import { type Family, get, ID } from "./table.ts";

/** A complete response that no client may ever see. */
export const POISON: string = head(
  ["X-Poison: 1", `Content-Length: ${`poison of ${ID}`.length}`],
  `poison of ${ID}`,
);

/** What a client reads. What is left out: 200, no body, no informational response. */
export interface ResponseReading {
  readonly status?: number;
  /** Each name must be there with exactly these values, in this order. */
  readonly fields?: readonly Field[];
  readonly absent?: readonly string[];
  readonly body?: string;
  /** The informational responses that must come first. */
  readonly interim?: readonly number[];
  /** Informational responses that may be passed on or swallowed. */
  readonly optional?: readonly number[];
  /** Trailers that may be passed on; others may not. */
  readonly trailers?: readonly Field[];
}

export type ResponseExpectation =
  /** A problem document with one of the statuses, and not a byte of the service's. */
  | { readonly kind: "failed"; readonly statuses: readonly number[] }
  /** A message that ends before it is complete, on a closed connection; or failed. */
  | { readonly kind: "cut" }
  | { readonly kind: "passed"; readonly reading: ResponseReading }
  | { readonly kind: "either"; readonly reading: ResponseReading }
  /** Passed, with a tail that may also be cut off. */
  | { readonly kind: "tail"; readonly reading: ResponseReading };

export interface ResponseCase {
  readonly name: string;
  /** What the client sends; a GET unless told otherwise. */
  readonly request?: string;
  /** The service's bytes. */
  readonly answer: string;
  /** What the service does then; it keeps the connection open unless told otherwise. */
  readonly after?: "keep" | "end" | "reset";
  /** Bytes that the service sends when the exchange is long over. */
  readonly late?: string;
  /** The service answers as soon as it has the head. */
  readonly early?: boolean;
  /** What the client sends of its request after the answer. */
  readonly rest?: string;
  /** The service may see the request no more than once. */
  readonly once?: boolean;
  /** No later request may travel on the service's connection. */
  readonly spent?: boolean;
  readonly expect: ResponseExpectation;
}

export type ResponseFamily = Family<ResponseCase>;

/** A complete answer: the status line, these fields, the body. */
export function head(fields: readonly string[], body = "", line = "HTTP/1.1 200 OK"): string {
  return [line, ...fields, "", ""].join("\r\n") + body;
}

/** An answer whose Content-Length fits its body. */
export function whole(body: string, ...fields: string[]): string {
  return head([...fields, `Content-Length: ${body.length}`], body);
}

/** An answer in chunks; the body's bytes are given as they travel. */
export function chunks(bytes: string, ...fields: string[]): string {
  return head([...fields, "Transfer-Encoding: chunked"], bytes);
}

/** The client gets a 502 of the gateway's own. */
export const FAILED: ResponseExpectation = { kind: "failed", statuses: [502] };

/** The client can tell that the message is not complete. */
export const CUT: ResponseExpectation = { kind: "cut" };

/** The client gets this. */
export function passed(reading: ResponseReading = {}): ResponseExpectation {
  return { kind: "passed", reading };
}

/** The client gets this, or a 502. */
export function passedOrFailed(reading: ResponseReading = {}): ResponseExpectation {
  return { kind: "either", reading };
}

/** Two rows of one lie: the service closes behind it, or stays and sends a second response right behind it. */
export function lie(
  name: string,
  answer: string,
  expect: ResponseExpectation,
  request: string = get(),
): ResponseCase[] {
  return [
    { name: `${name}, then closes`, request, answer, after: "end", expect },
    { name: `${name}, then a second response`, request, answer: answer + POISON, spent: true, expect },
  ];
}
