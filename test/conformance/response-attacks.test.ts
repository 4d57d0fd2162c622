/** The table of response attacks: what a service may not get past the gateway. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { responseFamilies } from "./attacks/responses.ts";
import { wholeAndCut } from "./harness.ts";
import { startLyingService } from "./lying-service.ts";
import { runResponseCases } from "./response-runner.ts";
import { conformanceSuite } from "./suite.ts";

conformanceSuite(
  {
    title: "response attacks",
    families: responseFamilies,
    startService: startLyingService,
    run: runResponseCases,
    deliveries: wholeAndCut,
  },
  (running) => {
    it("sends the service nothing but well-formed requests", () => {
      assert.deepEqual(running().service.invalid, []);
    });
  },
);
