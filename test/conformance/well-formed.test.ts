/** Well-formed messages in all their variety: none is refused, and each arrives with its meaning. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Delivery } from "../support/raw.ts";
import { startLyingService } from "./lying-service.ts";
import { runRequestCases } from "./request-runner.ts";
import { runResponseCases } from "./response-runner.ts";
import { startStrictService } from "./strict-service.ts";
import { conformanceSuite, type Running } from "./suite.ts";
import { wellFormedRequests } from "./well-formed/requests.ts";
import { wellFormedResponses } from "./well-formed/responses.ts";

const DELIVERIES: readonly Delivery[] = ["split", "bytes", "whole"];

/** Each case travels once, in one of the three ways. */
function inTurns(index: number): readonly Delivery[] {
  return [DELIVERIES[index % 3]!];
}

function areMany(running: () => Running<unknown>): void {
  it("are more than 300", () => {
    const { results } = running();
    assert.ok(results.length > 300, String(results.length));
  });
}

conformanceSuite(
  {
    title: "well-formed requests",
    families: wellFormedRequests,
    startService: startStrictService,
    run: runRequestCases,
    deliveries: inTurns,
  },
  areMany,
);

conformanceSuite(
  {
    title: "well-formed responses",
    families: wellFormedResponses,
    startService: startLyingService,
    run: runResponseCases,
    deliveries: inTurns,
  },
  areMany,
);
