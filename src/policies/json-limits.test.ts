import assert from "node:assert/strict";
import { describePolicy, type PolicyRun, type TestRequest } from "../testing/index.ts";
import { jsonLimits } from "./json-limits.ts";

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  sent.length,
];

function post(
  body: TestRequest["body"],
  type: string | undefined = "application/json",
  more = {},
): TestRequest {
  return { method: "POST", body: body!, fields: { ...(type !== "" && { "content-type": type }), ...more } };
}

const taken: readonly (readonly [title: string, request: TestRequest, options?: object])[] = [
  ["JSON", post('{"a":[1,2]}')],
  ["JSON in pieces", post(["[1", ",2]"])],
  ["no body", { fields: { "content-type": "application/json" } }],
  ["an empty body", post("")],
  ["an empty body in pieces", post([])],
  ["other types", post("{", "text/plain")],
  ["bodies without a type", post("{", "")],
  ["other types where all without a type are checked", post("{", "text/plain"), { strict: true }],
  ["types that are not named", post("{"), { types: ["application/vnd.api+json"] }],
  ["large bodies of other types", post("x".repeat(100), "text/plain"), { max: 10 }],
  ["names that stand twice, where that is allowed", post('{"a":1,"a":2}'), { duplicates: "allow" }],
];

const refusals: readonly (readonly [
  title: string,
  request: TestRequest,
  reason: string,
  options?: object,
])[] = [
  ["what is no JSON", post("{"), "json_malformed"],
  ["what is no JSON in pieces", post(["{", "]"]), "json_malformed"],
  ["JSON with parameters", post("{", "Application/JSON; charset=utf-8"), "json_malformed"],
  ["a suffix", post("{", "application/problem+json"), "json_malformed"],
  ["two types", post("{", "text/plain, application/json"), "json_malformed"],
  ["a type that cannot be read", post("{", "application/json/x"), "json_malformed"],
  ["no type where that is checked", post("{", ""), "json_malformed", { strict: true }],
  ["JSON in UTF-16", post(Buffer.from("[1]", "utf16le")), "json_malformed"],
  ["names that stand twice", post('{"a":1,"\\u0061":2}'), "json_duplicate_key"],
  ["depth", post("[[1]]"), "json_too_deep", { depth: 1 }],
  ["entries", post("[1,2]"), "json_too_many_entries", { entries: 1 }],
  ["values", post("[1,2]"), "json_too_many_values", { values: 2 }],
  ["a long name", post('{"ab":1}'), "json_key_too_long", { keyLength: 1 }],
  ["a long string", post('["ab"]'), "json_string_too_long", { stringLength: 1 }],
  ["a long number", post("[10]"), "json_number_too_long", { numberLength: 1 }],
];

describePolicy(jsonLimits, {
  refused: [
    { options: { depth: -1 }, message: /depth/ },
    { options: { max: "lots" }, message: /not a size/ },
    { options: { types: ["json"] }, message: /not a media type/ },
  ],
  steps: [
    ...taken.map(([title, request, options = {}]) => ({
      title: `lets ${title} through`,
      options,
      request,
      check: (run: PolicyRun) => {
        assert.deepEqual(outcome(run), [200, undefined, 1]);
        const { body = "" } = request;
        assert.equal(
          run.sent[0]!.body.toString(),
          typeof body === "string" ? body : (body as string[]).join(""),
        );
      },
    })),
    ...refusals.map(([title, request, reason, options = {}]) => ({
      title: `refuses ${title}`,
      options,
      request,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), [400, reason, 0]),
    })),
    {
      title: "refuses what is compressed, and says so",
      options: {},
      request: post("{}", undefined, { "content-encoding": "gzip" }),
      check(run) {
        assert.deepEqual(outcome(run), [415, "json_encoded", 0]);
        assert.equal(run.reply.fields.get("accept-encoding"), "identity");
      },
    },
    ...["[1,2,3,4,5]", ["[1,2,3", ",4,5]"]].map((body) => ({
      title: `holds no more than it may of ${JSON.stringify(body)}`,
      options: { max: "10B" },
      request: post(body),
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), [413, "body_too_large", 0]),
    })),
    {
      title: "says where, and nothing of what was sent",
      options: {},
      request: post('{"secret": x}'),
      check(run) {
        const { detail } = JSON.parse(run.reply.body.toString()) as { detail: string };
        assert.equal(detail, "something else is expected, at octet 11");
      },
    },
  ],
  wire: {
    title: "refuses what is nested too deeply",
    options: { depth: 3 },
    request: post("[[[[1]]]]"),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [400, 0]),
  },
});
