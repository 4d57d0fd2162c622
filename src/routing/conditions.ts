import type { MatchConfig, ValueCondition } from "../config/route-schema.ts";
import { networkSet } from "../lib/ip.ts";
import type { RouteFacts } from "../pipeline/ports.ts";
import { compileExpression } from "./expression.ts";
import { wholeMatch } from "./path-pattern.ts";
import type { RequestView } from "./request-view.ts";

/** A condition beyond host, path and method. */
export interface Condition {
  /** Equal for equal conditions. */
  readonly key: string;
  /** Keys of weaker conditions: whatever satisfies this one satisfies them. */
  readonly implies: readonly string[];
  /** Set where one value alone satisfies it. */
  readonly equals: Equality | undefined;
  test(facts: RouteFacts, view: RequestView): boolean;
  /** Why a request does not satisfy it. */
  failure(facts: RouteFacts, view: RequestView): string;
}

type Read = (facts: RouteFacts, view: RequestView) => string | undefined;

/** What is read, how, and the value that it must have. */
export interface Equality {
  readonly what: string;
  readonly read: Read;
  readonly value: string;
}

/** The conditions of one entry beyond host, path and method; those that cost little come first. */
export function compileConditions(match: MatchConfig): Condition[] {
  const { headers, from, query, cookies, when } = match;
  return [
    ...valueConditions("header", headers, (name) => (facts) => facts.request.fields.get(name)),
    ...(from.length === 0 ? [] : [fromCondition(from)]),
    ...valueConditions("query parameter", query, (name) => (facts, view) => view.query(facts).get(name)),
    ...valueConditions("cookie", cookies, (name) => (facts, view) => view.cookies(facts).get(name)),
    ...(when === undefined ? [] : [whenCondition(when)]),
  ];
}

/** Fields whose values are not shown. */
const SECRET: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie"]);

function valueConditions(
  kind: string,
  conditions: Readonly<Record<string, ValueCondition>>,
  reader: (name: string) => Read,
): Condition[] {
  return Object.entries(conditions).map(([name, wanted]) => {
    const read = reader(name);
    const what = `${kind} ${name}`;
    const secret = kind === "header" && SECRET.has(name);
    const made = valueCondition(what, wanted, read);
    return secret ? { ...made, failure: () => `${what} is not as asked for` } : made;
  });
}

function valueCondition(what: string, wanted: ValueCondition, read: Read): Condition {
  const keyOf = (operator: string, value = ""): string => JSON.stringify([what, operator, value]);
  const there = keyOf("there");
  const found = (facts: RouteFacts, view: RequestView): string => {
    const value = read(facts, view);
    return value === undefined ? `${what} is missing` : `${what} is ${JSON.stringify(value)}`;
  };
  if (typeof wanted === "string")
    return {
      key: keyOf("is", wanted),
      implies: [there],
      equals: { what, read, value: wanted },
      test: (facts, view) => read(facts, view) === wanted,
      failure: (facts, view) => `${found(facts, view)}, not ${JSON.stringify(wanted)}`,
    };
  if ("present" in wanted)
    return {
      key: wanted.present ? there : keyOf("missing"),
      implies: [],
      equals: undefined,
      test: (facts, view) => (read(facts, view) !== undefined) === wanted.present,
      failure: () => `${what} is ${wanted.present ? "missing" : "there"}`,
    };
  const expression = wholeMatch(wanted.regex);
  return {
    key: keyOf("matches", wanted.regex),
    implies: [there],
    equals: undefined,
    test: (facts, view) => {
      const value = read(facts, view);
      return value !== undefined && expression.test(value);
    },
    failure: (facts, view) => `${found(facts, view)}, which ${wanted.regex} does not match`,
  };
}

function fromCondition(from: readonly string[]): Condition {
  const includes = networkSet(from);
  return {
    key: `from=${[...from].sort().join(",")}`,
    implies: [],
    equals: undefined,
    test: ({ clientAddress }) => includes(clientAddress),
    failure: ({ clientAddress }) =>
      `client ${clientAddress || "without an address"} is not in ${from.join(", ")}`,
  };
}

function whenCondition(text: string): Condition {
  const expression = compileExpression(text);
  return {
    key: `when=${text}`,
    implies: [],
    equals: undefined,
    test: (facts, view) => expression(facts, view) === true,
    failure: (facts, view) => {
      const result = expression(facts, view);
      return result instanceof Error ? `when ${text} fails: ${result.message}` : `when ${text} is false`;
    },
  };
}
