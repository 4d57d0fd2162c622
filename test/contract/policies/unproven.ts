/** Run by harness.test.ts alone: every case here is wrong, so every test that it declares has to fail. */
import assert from "node:assert/strict";
import { definePolicy, Failure, type PolicyDefinition, Reply } from "torana";
import { describePolicy } from "torana/testing";
import { z } from "zod";

const careless: PolicyDefinition = definePolicy({
  name: "careless",
  phase: "request",
  options: z.object({ size: z.number().default(1) }),
  compile: () => () => undefined,
});

describePolicy(careless, {
  refused: [
    { options: { size: -1 }, message: /size/ },
    { options: { size: "1" }, message: /another message/ },
  ],
  steps: [
    { title: "the check fails", options: {}, check: ({ sent }) => assert.equal(sent.length, 2) },
    {
      title: "the check rejects",
      options: {},
      check: async ({ reply }) => assert.equal(reply.status, 404),
    },
    {
      title: "an assertion in the service fails",
      options: {},
      service: ({ method }) => {
        assert.equal(method, "POST");
        return Reply.text(200, "ok");
      },
      check: () => {},
    },
    { title: "the options are refused", options: { size: "1" }, check: () => {} },
    { title: "the request is none", options: {}, request: { target: "no path" }, check: () => {} },
  ],
  wire: {
    title: "the check fails",
    options: {},
    service: () => new Failure("response_cut"),
    check: ({ reply }) => assert.equal(reply.status, 200),
  },
});

describePolicy(careless, {
  refused: [],
  steps: [],
  wire: {
    title: "an assertion in the service fails",
    options: {},
    service: ({ method }) => {
      assert.equal(method, "POST");
      return Reply.text(200, "ok");
    },
    check: () => {},
  },
});
