import type { FramePeer } from "../../support/frames.ts";

/** What must come back: the connection's end, a stream's, an answer, or nothing bad. */
export type Expected =
  | { readonly goAway: string | readonly string[] }
  | { readonly reset: string | readonly string[]; readonly stream?: number }
  | { readonly status: number; readonly stream?: number }
  | "lives";

/** One thing that a server can be asked: what is sent after preface and SETTINGS, and what must come back. */
export interface Case {
  /** Of RFC 9113. */
  readonly section: string;
  readonly title: string;
  readonly send: string | ((peer: FramePeer) => void | Promise<void>);
  readonly expect: Expected;
  /** The service may see a request of it; where it is left out, none but those answered with 200. */
  readonly reaches?: true;
  /** What is wrong stands behind the head: a service may see that. */
  readonly streams?: true;
  /** All streams stay in use. */
  readonly full?: true;
}
