/** The table of request attacks: what a client may not get past the gateway. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { show } from "../support/strict-parser.ts";
import { requestFamilies } from "./attacks/requests.ts";
import { runBehindGood } from "./behind-runner.ts";
import { wholeAndCut } from "./harness.ts";
import { runRequestCases } from "./request-runner.ts";
import { startStrictService } from "./strict-service.ts";
import { conformanceSuite } from "./suite.ts";

conformanceSuite(
  {
    title: "request attacks",
    families: requestFamilies,
    startService: startStrictService,
    run: runRequestCases,
    deliveries: wholeAndCut,
  },
  (running) => {
    it("refuses each of them behind a request that is served, in order", async () => {
      const { gateway, service } = running();
      const behind = await runBehindGood(requestFamilies, gateway.port(), service);
      assert.ok(behind.length > 1_000, `${behind.length} cases`);
      const failed = behind.filter(({ problem }) => problem !== undefined);
      assert.deepEqual(failed, []);
    });

    it("sends nothing to the service that belongs to no case", () => {
      const { service } = running();
      assert.deepEqual(
        service.strangers().map((request) => show(request.line)),
        [],
      );
      assert.deepEqual(
        service.leftovers().map((leftover) => show(leftover.bytes)),
        [],
      );
    });
  },
);
