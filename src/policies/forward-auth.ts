import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import { duration } from "../config/values.ts";
import { compileCleanse, FieldNames } from "../identity/client-copies.ts";
import {
  compileDecisionKey,
  type Decision,
  DecisionCache,
  decisionCache,
} from "../identity/decision-cache.ts";
import { Failing } from "../identity/failing.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { compileQuestion } from "../identity/forward-question.ts";
import { isShareable, type OutsideAnswer, picked, putField, replyOf } from "../identity/outside-answer.ts";
import { compileAddress, serverAddress } from "../identity/server-address.ts";
import { type Authentication, Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import { type CallReply, isDryCall } from "../pipeline/calls.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { editableField } from "../pipeline/template-options.ts";

const ANSWER_MAX = 1_048_576;

/** Names of fields of an answer; one that ends in "*" stands for all that begin so. */
const fieldNames = z.array(
  z.string().superRefine((name, context) => {
    const whole = name.endsWith("*") ? name.slice(0, -1) : name;
    const read = editableField.safeParse(whole);
    if (!read.success) context.addIssue({ code: "custom", message: read.error.issues[0]!.message });
  }),
);

const options = z.strictObject({
  ...serverAddress,
  method: z
    .enum(["GET", "HEAD", "POST"])
    .optional()
    .describe("Method by which it is asked (default GET; POST where the body is sent)."),
  convention: z
    .enum(["x-forwarded", "x-original", "both"])
    .default("x-forwarded")
    .describe(
      "How it is told of the request: X-Forwarded-Method, -Proto, -Host, -Uri and -For (default); X-Original-Method, -URI and -URL, X-Real-IP and X-Forwarded-For; or both.",
    ),
  headers: z
    .array(editableField)
    .default(["authorization", "cookie", "accept", "user-agent"])
    .describe("Fields of the request that it gets (default: authorization, cookie, accept, user-agent)."),
  body: byteSize
    .optional()
    .describe("Sends the body too; requests with a longer one are refused by 413 (default: it is not sent)."),
  copyHeaders: fieldNames
    .default([])
    .describe(
      "Fields of its answer that the service gets; x-auth-* stands for all that begin so. A client's own never reach the service (default: none).",
    ),
  responseHeaders: fieldNames
    .default([])
    .describe("Fields of its answer that the client gets when it may pass: set-cookie (default: none)."),
  consumerHeader: editableField
    .optional()
    .describe("Field of its answer that names the consumer (default: the request has none)."),
  requireConsumer: z
    .boolean()
    .default(false)
    .describe("Refuses who is no consumer of the config, though the service lets it pass (default false)."),
  credentials: z
    .array(editableField)
    .default([])
    .describe(
      "Fields of which a request must have one for the service to be asked; others count as without a credential (default: it is asked about every request).",
    ),
  timeout: duration.default(5_000).describe("How long its whole answer may take (default 5s)."),
  onFailure: z
    .enum(["deny", "allow"])
    .default("deny")
    .describe(
      "What becomes of requests while it gives no answer, or one of 500 and above (default deny: 503).",
    ),
  cache: decisionCache.optional().describe("Remembers its decisions (default: every request asks)."),
});

type Options = z.output<typeof options>;

/** What it said of a request. */
interface Said extends Decision {
  /** Where it refuses. */
  readonly answer: OutsideAnswer | undefined;
  readonly toService: readonly (readonly [string, string])[];
  readonly toClient: readonly (readonly [string, string])[];
  readonly consumer: string | undefined;
}

/** Asks another service whether a request may pass, and who sends it. */
export const forwardAuth: PolicyDefinition = defineAuthenticator({
  name: "forward-auth",
  options,
  reasons: {
    forward_auth_missing: {
      status: 401,
      source: "downstream",
      title: "The request carries nothing that could be asked about.",
    },
    forward_auth_unauthenticated: {
      status: 401,
      source: "downstream",
      title: "The authorization service does not know who calls.",
    },
    forward_auth_denied: {
      status: 403,
      source: "downstream",
      title: "The authorization service refuses the request.",
    },
    forward_auth_consumer: {
      status: 403,
      source: "downstream",
      title: "The caller is no consumer of this gateway.",
    },
    forward_auth_unavailable: {
      status: 503,
      source: "gateway",
      title: "The authorization service gives no answer.",
    },
  },
  compile(given, env) {
    const problem = problemIn(given);
    if (problem !== undefined) throw new Error(problem);
    const { to, name } = compileAddress(given, env);
    const { credentials, headers, body, cache: cached, onFailure, consumerHeader } = given;
    const method = given.method ?? (body === undefined ? "GET" : "POST");
    const question = compileQuestion({ ...given, to, method, body: body !== undefined });
    const failing = new Failing(env, `${name}: requests cannot be authorized`);
    const read = compileReader(given);
    const ask = async (x: Exchange): Promise<Said> => {
      const said = read(await env.caller.call({ ...question(x), max: ANSWER_MAX }));
      failing.ended();
      return said;
    };
    const keyOf =
      cached?.key === undefined
        ? compileDecisionKey(["method", "scheme", "host", "path", "query", "client"], headers)
        : compileDecisionKey(cached.key);
    const cache =
      cached &&
      env.keep(
        `forward-auth ${env.place} ${fingerprint(given)}`,
        () => new DecisionCache<Said>(cached, env.clock),
      );
    const own = [...given.copyHeaders, ...(consumerHeader === undefined ? [] : [consumerHeader])];
    const answers = env.slot<Said>();
    const settle = (x: Exchange, said: Said): Authentication =>
      said.answer === undefined
        ? identityOf(x, said, given, (one) => answers.set(x, one))
        : denied(said.answer);
    const failed = (error: unknown): Authentication => {
      if (isDryCall(error)) throw error;
      failing.begun(error);
      return onFailure === "allow" ? {} : new Denied("forward_auth_unavailable");
    };
    return {
      missing: "forward_auth_missing",
      ...(body !== undefined && { body: { request: "buffer" as const, max: body } }),
      ...(own.length > 0 && { cleanse: compileCleanse(own) }),
      hide: compileHide(credentials),
      authenticate: (x) => {
        if (credentials.length > 0 && !credentials.some((one) => x.request.fields.has(one))) return undefined;
        const said = cache === undefined ? ask(x) : cache.decide(keyOf(x), () => ask(x));
        return said instanceof Promise ? said.then((late) => settle(x, late), failed) : settle(x, said);
      },
      response: (x, reply) => {
        for (const [field, value] of answers.get(x)?.toClient ?? [])
          putField(reply.fields, field, value, true);
        return undefined;
      },
    };
  },
});

/** What the options say that cannot be meant; undefined where they are fine. */
function problemIn(given: Options): string | undefined {
  const { credentials, body, cache, consumerHeader, requireConsumer } = given;
  // The options of all that ask who calls are not in the type.
  const { optional, anonymous } = given as { optional?: boolean; anonymous?: string };
  if ((optional === true || anonymous !== undefined) && credentials.length === 0)
    return "credentials: every request is asked about, so none is without a credential; name the fields that carry one";
  if (requireConsumer && consumerHeader === undefined)
    return "consumerHeader: write the field that names the consumer, or leave out requireConsumer";
  if (body !== undefined && given.method !== undefined && given.method !== "POST")
    return `method: ${given.method} sends no body; write POST, or leave out body`;
  if (body !== undefined && cache !== undefined && cache.key === undefined)
    return "cache.key: a body is no part of a key; write what decisions depend on";
  return undefined;
}

/** Makes what takes from an answer what is kept of it. Throws an Error for one that is no decision. */
function compileReader({
  copyHeaders,
  responseHeaders,
  consumerHeader,
}: Options): (reply: CallReply) => Said {
  const toService = new FieldNames(copyHeaders);
  const toClient = new FieldNames(responseHeaders);
  return ({ status, fields, body }) => {
    if (status >= 500 || status < 200) throw new Error(`it answered with status ${status}`);
    if (status >= 300) {
      const answer = { status, fields, body };
      const nothing = { toService: [], toClient: [], consumer: undefined };
      return { allowed: false, shareable: isShareable(answer), answer, ...nothing };
    }
    return {
      allowed: true,
      shareable: !fields.has("set-cookie"),
      answer: undefined,
      toService: picked(fields, (name) => toService.has(name)),
      toClient: picked(fields, (name) => toClient.has(name)),
      consumer: consumerHeader === undefined ? undefined : fields.get(consumerHeader),
    };
  };
}

function denied(answer: OutsideAnswer): Authentication {
  const reply = replyOf(answer);
  // To a login, for instance: whoever else is asked comes first.
  if (answer.status < 400) return reply;
  const code = answer.status === 401 ? "forward_auth_unauthenticated" : "forward_auth_denied";
  return new Denied(code, undefined, undefined, reply);
}

/** Takes the fields away that carry a credential; other things than that stand in cookies. */
function compileHide(credentials: readonly string[]): (x: Exchange) => void {
  return ({ outgoing }) => {
    for (const name of credentials) if (name.toLowerCase() !== "cookie") outgoing.fields.remove(name);
  };
}

function identityOf(
  x: Exchange,
  said: Said,
  { requireConsumer, credentials }: Options,
  note: (said: Said) => void,
): Authentication {
  const named = said.consumer === "" ? undefined : said.consumer;
  const consumer = named === undefined ? undefined : x.snapshot.consumers.named(named);
  if (requireConsumer && consumer === undefined) return new Denied("forward_auth_consumer");
  return {
    consumer,
    credential: named,
    hide: compileHide(credentials),
    forward: ({ outgoing }) => {
      for (const [name] of said.toService) outgoing.fields.remove(name);
      for (const [name, value] of said.toService) putField(outgoing.fields, name, value, true);
      if (said.toClient.length > 0) note(said);
    },
  };
}
