/** The table of response attacks: what a service may not get past the gateway. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { responseFamilies } from "./attacks/responses.ts";
import { configFor, failuresOf, wholeAndCut } from "./harness.ts";
import { type LyingService, startLyingService } from "./lying-service.ts";
import type { CaseResult } from "./request-runner.ts";
import { runResponseCases } from "./response-runner.ts";

describe("response attacks", () => {
  let service: LyingService;
  let gateway: TestGateway;
  let results: CaseResult[];

  before(async () => {
    service = await startLyingService();
    gateway = await startGateway(configFor(service.port));
    results = await runResponseCases(responseFamilies, {
      port: gateway.port(),
      service,
      own: true,
      deliveries: wholeAndCut,
    });
  });

  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  for (const family of responseFamilies) {
    it(`${family.name}: ${family.rule} (${family.rfc})`, () => {
      const failures = failuresOf(results, family.name);
      assert.equal(results.filter((result) => result.family === family.name).length, family.cases.length * 2);
      assert.equal(failures.length, 0, failures.join("\n"));
    });
  }

  it("sends the service nothing but well-formed requests", () => {
    assert.deepEqual(service.invalid, []);
  });
});
