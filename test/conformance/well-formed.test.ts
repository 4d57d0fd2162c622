/** Well-formed messages in all their variety: none is refused, and each arrives with its meaning. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import type { Delivery } from "../support/raw.ts";
import { configFor, failuresOf } from "./harness.ts";
import { type LyingService, startLyingService } from "./lying-service.ts";
import { type CaseResult, runRequestCases } from "./request-runner.ts";
import { runResponseCases } from "./response-runner.ts";
import { type StrictService, startStrictService } from "./strict-service.ts";
import { wellFormedRequests } from "./well-formed/requests.ts";
import { wellFormedResponses } from "./well-formed/responses.ts";

const DELIVERIES: readonly Delivery[] = ["split", "bytes", "whole"];

/** Each case travels once, in one of the three ways. */
function inTurns(index: number): Delivery[] {
  return [DELIVERIES[index % 3]!];
}

describe("well-formed requests", () => {
  let service: StrictService;
  let gateway: TestGateway;
  let results: CaseResult[];

  before(async () => {
    service = await startStrictService();
    gateway = await startGateway(configFor(service.port));
    results = await runRequestCases(wellFormedRequests, {
      port: gateway.port(),
      service,
      own: true,
      deliveries: inTurns,
    });
  });

  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  it("are more than 300", () => assert.ok(results.length > 300, String(results.length)));

  for (const { name, rfc, cases } of wellFormedRequests) {
    it(`${name} arrive as they were sent (${rfc})`, () => {
      const failures = failuresOf(results, name);
      assert.equal(results.filter((result) => result.family === name).length, cases.length);
      assert.equal(failures.length, 0, failures.join("\n"));
    });
  }
});

describe("well-formed responses", () => {
  let service: LyingService;
  let gateway: TestGateway;
  let results: CaseResult[];

  before(async () => {
    service = await startLyingService();
    gateway = await startGateway(configFor(service.port));
    results = await runResponseCases(wellFormedResponses, {
      port: gateway.port(),
      service,
      own: true,
      deliveries: inTurns,
    });
  });

  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  it("are more than 300", () => assert.ok(results.length > 300, String(results.length)));

  for (const { name, rfc, cases } of wellFormedResponses) {
    it(`${name} arrive as they were sent (${rfc})`, () => {
      const failures = failuresOf(results, name);
      assert.equal(results.filter((result) => result.family === name).length, cases.length);
      assert.equal(failures.length, 0, failures.join("\n"));
    });
  }
});
