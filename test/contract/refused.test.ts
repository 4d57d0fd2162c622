import assert from "node:assert/strict";
import { test } from "node:test";
import { definePolicy, type PolicyDefinition, type ReasonSpec } from "torana";
import { memoryGateway } from "torana/testing";
import { z } from "zod";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { policyOf } from "./ways.ts";

interface Problems {
  readonly problems: readonly { readonly path: string; readonly reason: string }[];
}

/** The problems of a config, each as "path: reason". */
async function problemsOf(config: object, policies: readonly PolicyDefinition[]): Promise<string[]> {
  const started = startGateway(
    {
      listeners: [{ name: "test", address: "127.0.0.1:0" }],
      routes: [{ name: "all", service: "main" }],
      services: { main: { endpoints: ["http://127.0.0.1:9"] } },
      ...config,
    },
    { policies },
  );
  const result = await started.then(
    (gateway) => gateway.stop(0).then(() => undefined),
    (error: unknown) => error as Problems,
  );
  assert.ok(result !== undefined, "the config was taken");
  assert.ok(Array.isArray(result.problems), String(result));
  return result.problems.map(({ path, reason, cure = "" }) => `${path}: ${reason}; ${cure}`);
}

async function refused(
  config: object,
  policies: readonly PolicyDefinition[],
  ...expected: RegExp[]
): Promise<void> {
  const problems = await problemsOf(config, policies);
  assert.equal(problems.length, expected.length, problems.join("\n"));
  problems.forEach((problem, nth) => {
    assert.match(problem, expected[nth]!);
  });
}

const withService = (policies: object[]): object => ({
  services: { main: { endpoints: ["http://127.0.0.1:9"], policies } },
});

test("a policy that nobody knows is refused, wherever it is written", async () => {
  const routes = [{ name: "all", service: "main", policies: [{ "no-such": {} }] }];
  await refused({ policies: [{ "no-such": {} }] }, [], /^policies\[0\]: .*"no-such"/);
  await refused({ routes }, [], /^routes\[0\]\.policies\[0\]: .*"no-such"/);
  await refused(withService([{ "no-such": {} }]), [], /^services\.main\.policies\[0\]: .*"no-such"/);
});

test("every problem is told at once, each at its own place", async () => {
  const known = policyOf({}, "known");
  const config = {
    policies: [{ known: {} }, { first: {} }],
    routes: [
      { name: "one", service: "main", policies: [{ known: {} }, { second: {} }] },
      { name: "two", service: "main", match: { path: "/two" }, policies: [{ third: {} }] },
    ],
  };
  await refused(
    config,
    [known],
    /^policies\[1\]: .*"first"/,
    /^routes\[0\]\.policies\[1\]: .*"second"/,
    /^routes\[1\]\.policies\[0\]: .*"third"/,
  );
});

test("every problem of one policy's options is told", async () => {
  const picky = definePolicy({
    name: "picky",
    phase: "request",
    options: z.strictObject({ size: z.int().min(1), unit: z.enum(["a", "b"]) }),
    compile: () => ({}),
  });
  await refused(
    { policies: [{ picky: { size: 0, unit: "c", color: "red" } }] },
    [picky],
    /^policies\[0\]\.picky\.size: /,
    /^policies\[0\]\.picky\.unit: /,
    /^policies\[0\]\.picky\.color: /,
  );
});

for (const entry of [{}, { p: {}, q: {} }])
  test(`an entry that is not one policy is refused: ${JSON.stringify(entry)}`, () =>
    refused({ policies: [entry] }, [policyOf({}), policyOf({}, "q")], /one name/));

const TOO_EARLY: Readonly<Record<string, object>> = {
  request: { request: () => undefined },
  recover: { recover: () => undefined },
  requestBody: { requestBody: () => undefined },
  "a step as a function": (() => undefined) as unknown as object,
  "the request's body held": { body: { request: "buffer" }, attempt: () => undefined },
  "the request's body tapped": { body: { request: "tap" }, attempt: () => undefined },
};

for (const [title, steps] of Object.entries(TOO_EARLY))
  test(`a service's policy that acts before the service is known is refused: ${title}`, () =>
    refused(withService([{ p: {} }]), [policyOf(steps)], /^services\.main\.policies\[0\]: p .*route/));

for (const [title, steps] of Object.entries(TOO_EARLY))
  test(`a policy of a share of a split that acts before the service is known is refused: ${title}`, () => {
    const split = [{ service: "main", policies: [{ p: {} }] }];
    const config = { ...withService([]), routes: [{ name: "all", split }] };
    return refused(config, [policyOf(steps)], /^routes\[0\]\.split\[0\]\.policies\[0\]: p .*route/);
  });

test("a service's policy may act on attempts, answers and the log", () => {
  const steps = {
    body: { request: "none", response: "buffer" },
    attempt: () => undefined,
    response: () => undefined,
    responseBody: () => undefined,
    log: () => undefined,
    close: () => undefined,
  };
  const scene = { policies: [policyOf(steps)], config: withService([{ p: {} }]) };
  assert.doesNotThrow(() => memoryGateway(scene).close());
});

const SPEC: ReasonSpec = { status: 401, source: "downstream", title: "Another." };
const declaring = (name: string, reasons: Record<string, ReasonSpec>): PolicyDefinition =>
  definePolicy({ name, phase: "request", options: z.strictObject({}), reasons, compile: () => ({}) });

test("a reason that the gateway has is refused", () =>
  refused(
    { policies: [{ a: {} }] },
    [declaring("a", { policy_failed: SPEC })],
    /^policies\[0\]: .*policy_failed.*taken/,
  ));

test("a reason that two policies declare is refused", () =>
  refused(
    { policies: [{ a: {} }, { b: {} }] },
    [declaring("a", { same_thing: { ...SPEC } }), declaring("b", { same_thing: { ...SPEC } })],
    /^policies\[1\]: .*\bb\b.*same_thing.*taken/,
  ));

test("a policy that stands twice declares its reasons once", () => {
  const twice = declaring("a", { same_thing: SPEC });
  const scene = { policies: [twice], config: { policies: [{ a: {} }, { a: {} }] } };
  assert.doesNotThrow(() => memoryGateway(scene).close());
});

test("two policies of one name are refused", async () => {
  const config = { listeners: [{ name: "test", address: "127.0.0.1:0" }] };
  await assert.rejects(startGateway(config, { policies: [policyOf({}), policyOf({})] }), /named p\b/);
});

const MISMADE: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  "a number": 42,
  "a text": "step",
  "a list": [() => undefined],
  "a promise of a step": Promise.resolve(() => undefined),
  "a misspelt step": { reqest: () => undefined },
  "a step that is no function": { request: 42 },
  "a need that is none": { body: { request: "bufer" } },
  "a misspelt need": { body: { requests: "buffer" } },
  "needs that are a text": { body: "buffer" },
  "a max that is no number": { body: { request: "buffer", max: "1MB" } },
  "a max of 0": { body: { request: "buffer", max: 0 } },
};

for (const [title, made] of Object.entries(MISMADE))
  test(`a policy that compiles to nothing that runs is refused: ${title}`, () =>
    refused({ policies: [{ p: {} }] }, [policyOf(made)], /^policies\[0\]: .*\bp\b/));

test("what compile throws is the reason of the refusal", () => {
  const throwing = definePolicy({
    name: "throwing",
    phase: "request",
    options: z.strictObject({}),
    compile: () => {
      throw new Error("the key file is empty");
    },
  });
  return refused({ policies: [{ throwing: {} }] }, [throwing], /^policies\[0\]: .*the key file is empty/);
});

test("policies that were compiled are closed when another is refused", async () => {
  let open = 0;
  let made = 0;
  const closing = definePolicy({
    name: "p",
    phase: "request",
    options: z.strictObject({}),
    compile: () => {
      open++;
      made++;
      return { close: () => void open-- };
    },
  });
  await refused({ policies: [{ p: {} }, { unknown: {} }] }, [closing], /"unknown"/);
  assert.ok(made > 0);
  assert.equal(open, 0);
});

test("names that no config could use are refused where the policy is defined", () => {
  for (const name of ["", "Upper", "under_score", "-dash", "dash-", "two--dashes", "space ", "1st"])
    assert.throws(() => policyOf({}, name), RangeError, name);
  for (const code of ["", "Upper", "da-sh", "spa ce", "1st"])
    assert.throws(() => declaring("fine", { [code]: SPEC }), RangeError, code);
});
