/** The table of request attacks: what a client may not get past the gateway. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { show } from "../support/strict-parser.ts";
import { requestFamilies } from "./attacks/requests.ts";
import { runBehindGood } from "./behind-runner.ts";
import { configFor, failuresOf, wholeAndCut } from "./harness.ts";
import { type CaseResult, runRequestCases } from "./request-runner.ts";
import { type StrictService, startStrictService } from "./strict-service.ts";

describe("request attacks", () => {
  let service: StrictService;
  let gateway: TestGateway;
  let results: CaseResult[];

  before(async () => {
    service = await startStrictService();
    gateway = await startGateway(configFor(service.port));
    results = await runRequestCases(requestFamilies, {
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

  for (const family of requestFamilies) {
    it(`${family.name}: ${family.rule} (${family.rfc})`, () => {
      const failures = failuresOf(results, family.name);
      assert.equal(results.filter((result) => result.family === family.name).length, family.cases.length * 2);
      assert.equal(failures.length, 0, failures.join("\n"));
    });
  }

  it("refuses each of them behind a request that is served, in order", async () => {
    const behind = await runBehindGood(requestFamilies, gateway.port(), service);
    assert.ok(behind.length > 1_000, `${behind.length} cases`);
    const failed = behind.filter(({ problem }) => problem !== undefined);
    assert.deepEqual(failed, []);
  });

  it("sends nothing to the service that belongs to no case", () => {
    assert.deepEqual(
      service.strangers().map((request) => show(request.line)),
      [],
    );
    assert.deepEqual(
      service.leftovers().map((leftover) => show(leftover.bytes)),
      [],
    );
  });
});
