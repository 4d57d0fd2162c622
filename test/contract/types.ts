/** What a policy's author may rely on, as types: tsc refuses this file when one of them changes. It is never run. */
import {
  type AttemptStep,
  type AttemptView,
  type Body,
  type BodyFailure,
  type BodyNeed,
  type BodyNeeds,
  type BodySink,
  type BodySource,
  type BodyStep,
  type BodyTransform,
  type Consumer,
  definePolicy,
  type Exchange,
  type Failure,
  type Fields,
  type HeldBody,
  type MemoryReply,
  type Outcome,
  type Outgoing,
  type Phase,
  type PolicyDefinition,
  type PolicyEnv,
  type PolicySteps,
  type ReadonlyFields,
  type RecoverStep,
  Reply,
  type ResponseStep,
  type Slot,
  type Step,
  type Verdict,
} from "torana";
import { describePolicy } from "torana/testing";
import { z } from "zod";

/** Whether two types are the same, `any` and `readonly` told apart. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Expect<T extends true> = T;
type Keys<T> = keyof T;
/** Whether a property can be assigned. */
type Writable<T, K extends keyof T> = Equal<{ [P in K]: T[P] }, { -readonly [P in K]: T[P] }>;

// ---- what steps say

type Ports = "caller" | "needs" | "limiter" | "gauge" | "keep" | "authenticator";

export type Steps = [
  Expect<Equal<Verdict, undefined | Reply>>,
  Expect<Equal<Parameters<Step>, [x: Exchange]>>,
  Expect<Equal<ReturnType<Step>, undefined | Reply | Promise<Verdict>>>,
  Expect<Equal<Parameters<AttemptStep>, [x: Exchange, attempt: AttemptView]>>,
  Expect<Equal<Parameters<ResponseStep>, [x: Exchange, reply: Reply]>>,
  Expect<Equal<Parameters<RecoverStep>, [x: Exchange, failure: Failure]>>,
  Expect<Equal<ReturnType<BodyStep>, BodyTransform | undefined>>,
  Expect<Equal<Parameters<NonNullable<PolicySteps["log"]>>, [x: Exchange]>>,
];

export type Shapes = [
  Expect<
    Equal<
      Keys<PolicySteps>,
      | "body"
      | "request"
      | "withBody"
      | "attempt"
      | "response"
      | "recover"
      | "requestBody"
      | "responseBody"
      | "log"
      | "close"
    >
  >,
  Expect<Equal<Required<PolicySteps>["request"], Step>>,
  Expect<Equal<Required<PolicySteps>["attempt"], AttemptStep>>,
  Expect<Equal<Required<PolicySteps>["response"], ResponseStep>>,
  Expect<Equal<Required<PolicySteps>["recover"], RecoverStep>>,
  Expect<Equal<Required<PolicySteps>["requestBody"], BodyStep>>,
  Expect<Equal<Required<PolicySteps>["responseBody"], BodyStep>>,
  Expect<Equal<BodyNeed, "none" | "tap" | "stream" | "buffer">>,
  Expect<
    Equal<
      Required<BodyNeeds>,
      { readonly request: BodyNeed; readonly response: BodyNeed; readonly max: number }
    >
  >,
  Expect<Equal<Phase, "receive" | "authenticate" | "authorize" | "limit" | "request" | "cache" | "forward">>,
  Expect<
    Equal<AttemptView, { readonly number: number; readonly endpoint: string; readonly request: Outgoing }>
  >,
  Expect<Equal<Keys<PolicyEnv>, "owner" | "place" | "clock" | "random" | "slot" | "lines" | "tell" | Ports>>,
  Expect<Equal<ReturnType<Slot<number>["get"]>, number | undefined>>,
];

// ---- bodies

type Made = Uint8Array | undefined | Promise<Uint8Array | undefined>;

export type Bodies = [
  Expect<Equal<Body, HeldBody | BodySource>>,
  Expect<Equal<Keys<BodyTransform>, "chunk" | "end" | "fail">>,
  Expect<Equal<Parameters<BodyTransform["chunk"]>, [bytes: Uint8Array]>>,
  Expect<Equal<ReturnType<BodyTransform["chunk"]>, Made>>,
  Expect<Equal<Parameters<Required<BodyTransform>["end"]>, [trailers: Fields | undefined]>>,
  Expect<Equal<ReturnType<Required<BodyTransform>["end"]>, Made>>,
  Expect<Equal<Parameters<Required<BodyTransform>["fail"]>, [failure: BodyFailure]>>,
  Expect<Equal<Keys<BodySource>, "length" | "start" | "resume" | "cancel">>,
  Expect<Equal<Parameters<BodySource["start"]>, [sink: BodySink]>>,
  Expect<Equal<Keys<BodySink>, "data" | "end" | "fail">>,
  Expect<Equal<ReturnType<BodySink["data"]>, boolean>>,
];

// ---- the exchange

export type Exchanges = [
  Expect<Equal<Writable<Exchange, "request">, false>>,
  Expect<Equal<Writable<Exchange["request"], "method">, false>>,
  Expect<Equal<Writable<Exchange["request"], "path">, false>>,
  Expect<Equal<Writable<Exchange["request"], "body">, false>>,
  Expect<Equal<Exchange["request"]["fields"], ReadonlyFields>>,
  Expect<Equal<Exchange["outgoing"], Outgoing>>,
  Expect<Equal<Writable<Outgoing, "method">, true>>,
  Expect<Equal<Writable<Outgoing, "path">, true>>,
  Expect<Equal<Writable<Outgoing, "body">, true>>,
  Expect<Equal<Outgoing["fields"], Fields>>,
  Expect<Equal<Exchange["consumer"], Consumer | undefined>>,
  Expect<Equal<Exchange["claims"], Readonly<Record<string, unknown>> | undefined>>,
  Expect<Equal<Exchange["outcome"], Outcome | undefined>>,
  Expect<Equal<Exchange["failure"], Failure | undefined>>,
  Expect<Equal<ReturnType<Exchange["reject"]>, Reply>>,
  Expect<Equal<ReturnType<Exchange["fork"]>, Promise<MemoryReply>>>,
  Expect<Equal<"set" extends Keys<ReadonlyFields> ? true : false, false>>,
];

// ---- definePolicy knows the options from their schema

/** Never called: what tsc infers from a definition. */
export function inference(): void {
  const options = z.strictObject({
    header: z.string().default("x-api-key"),
    keys: z.array(z.string()).min(1),
    max: z.int().optional(),
  });
  const inferred = definePolicy({
    name: "inferred",
    phase: "authenticate",
    options,
    reasons: { key_unknown: { status: 401, source: "downstream", title: "No key." } },
    compile(known, env) {
      const seen = env.slot<{ at: number }>();
      holds<
        [
          Expect<Equal<typeof known.header, string>>,
          Expect<Equal<typeof known.keys, string[]>>,
          Expect<Equal<typeof known.max, number | undefined>>,
          Expect<Equal<typeof env, PolicyEnv>>,
          Expect<Equal<typeof seen, Slot<{ at: number }>>>,
        ]
      >();
      // As the design shows it: nothing is said where the exchange goes on.
      return (x) => {
        const key = x.request.field(known.header);
        seen.set(x, { at: known.max ?? 1 });
        if (key === undefined || !known.keys.includes(key)) return x.reject("key_unknown");
        x.consumer = { name: key };
      };
    },
  });
  holds<
    [
      Expect<Equal<typeof inferred, PolicyDefinition<typeof options>>>,
      Expect<typeof inferred extends PolicyDefinition ? true : false>,
    ]
  >();
  const wire = { title: "t", options: { keys: ["a"] }, check: () => {} };
  describePolicy(inferred, { refused: [], steps: [], wire });
  // @ts-expect-error a case's options are written as in a config
  describePolicy(inferred, { refused: [], steps: [], wire: { ...wire, options: { keys: "a" } } });
}

function holds<T extends readonly true[]>(): T | undefined {
  return undefined;
}

export const steps: readonly PolicySteps[] = [
  { request: () => undefined },
  { request: () => {} },
  { request: () => Reply.text(200, "ok") },
  { request: async () => {} },
  { request: async () => Reply.text(200, "ok") },
  { request: async (x) => (x.ended ? Reply.text(200, "ok") : undefined) },
  { attempt: (_x, { request }) => request.fields.set("a", "b") },
  { attempt: async () => {} },
  { response: (_x, reply) => void reply.fields.set("a", "b") },
  { response: async (_x, reply) => void reply.fields.set("a", "b") },
  { recover: async (_x, { code }) => (code === "connect_failed" ? Reply.text(200, "ok") : undefined) },
  { responseBody: () => ({ chunk: (bytes) => bytes, end: async () => undefined }) },
  { responseBody: (x) => (x.depth > 0 ? undefined : { chunk: () => Buffer.from("") }) },
];

// ---- what must not compile

/** Never called: each line is a fault that tsc has to find. */
export function faults(x: Exchange, other: Exchange): void {
  // @ts-expect-error what the client sent is never changed
  x.request.method = "GET";
  // @ts-expect-error neither are its fields
  x.request.fields.set("a", "b");
  // @ts-expect-error there is one request
  x.request = other.request;
  // @ts-expect-error a policy adds no property
  x.mine = 1;
  // @ts-expect-error a step gives a reply or nothing
  const wrong: Step = () => 42;
  // @ts-expect-error a promise holds a reply or nothing
  const late: Step = async () => 42;
  // @ts-expect-error a body step does not wait
  const waiting: BodyStep = async () => undefined;
  // @ts-expect-error a piece is bytes
  const text: BodyTransform = { chunk: () => "text" };
  // @ts-expect-error there is no such step
  const misspelt: PolicySteps = { reqest: () => undefined };
  // @ts-expect-error there is no such need
  const need: BodyNeeds = { request: "whole" };
  // @ts-expect-error there is no such phase
  const phase: Phase = "access";
  const base = { name: "p", phase: "request", options: z.strictObject({ size: z.int() }) } as const;
  // @ts-expect-error compile does not wait
  definePolicy({ ...base, compile: async () => () => undefined });
  definePolicy({
    ...base,
    // @ts-expect-error options have the type of their schema
    compile: ({ size }) => ({ log: () => void size.trim() }),
  });
  definePolicy({
    ...base,
    // @ts-expect-error a reason says who is at fault
    reasons: { code: { status: 400, title: "No." } },
    compile: () => () => undefined,
  });
  void [wrong, late, waiting, text, misspelt, need, phase];
}
