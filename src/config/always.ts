import type { MatchConfig } from "./route-schema.ts";

/** Conditions that hold always. Apart from the schema, which threads that serve do not load. */
export const ALWAYS: MatchConfig = Object.freeze({
  host: [],
  path: [],
  method: [],
  headers: {},
  query: {},
  cookies: {},
  from: [],
  when: undefined,
});
