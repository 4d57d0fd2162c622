import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { z } from "zod";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { type MemoryGatewayOptions, memoryGateway, type PolicyRun, runPolicy } from "./memory-gateway.ts";
import type { ServiceFunction, TestRequest } from "./messages.ts";
import { runOnWire } from "./wire.ts";

/** One request through the policy, and what must come of it. */
export interface PolicyCase<Options>
  extends Pick<MemoryGatewayOptions, "clock" | "peer" | "outside" | "store"> {
  readonly title: string;
  /** As they would be written in a config. */
  readonly options: Options;
  readonly request?: TestRequest;
  /** Plays the service; default: answers 200 with the text "ok". */
  readonly service?: ServiceFunction;
  /** Asserts on the answer, on what the service got, and on the exchange. */
  check(run: PolicyRun): void | Promise<void>;
}

/** What is proven about one policy. */
export interface PolicyCases<Options> {
  /** Who may call, as written under `consumers` (default: nobody). */
  readonly consumers?: readonly object[];
  /** Policies that the options name. */
  readonly beside?: readonly PolicyDefinition[];
  /** Options that must be refused when the config is read, and what the message must say. */
  readonly refused: readonly { readonly options: unknown; readonly message: RegExp }[];
  /** Cases that run through the whole walk in memory. */
  readonly steps: readonly PolicyCase<Options>[];
  /** A case for a real gateway, from a real client to a real service; it has no say in clock and peer. */
  readonly wire: Omit<PolicyCase<Options>, "clock" | "peer" | "outside" | "store">;
}

/** Tests a policy with node:test. That it refuses options it does not know is tested without being asked for. */
export function describePolicy<Options extends z.ZodType>(
  definition: PolicyDefinition<Options>,
  { refused, steps, wire, consumers = [], beside = [] }: PolicyCases<z.input<Options>>,
): void {
  const build = (options: unknown): void =>
    memoryGateway({
      policies: [definition, ...beside],
      config: { policies: [{ [definition.name]: options }], consumers },
    }).close();
  describe(`policy ${definition.name}`, () => {
    for (const { options, message } of refused)
      test(`refuses ${JSON.stringify(options)}`, () => assert.throws(() => build(options), message));
    test("refuses an option that it does not know", () => {
      build(wire.options);
      assert.throws(() => build({ ...(wire.options as object), unknownOption: true }), /unknownOption/);
    });
    for (const { title, options, request, check, ...around } of steps)
      test(title, async () =>
        check(await runPolicy(definition, options, request, { ...around, consumers, beside })),
      );
    test(`${wire.title}, through a real gateway`, async () =>
      wire.check(
        await runOnWire(definition, wire.options, wire.request, wire.service, { consumers, beside }),
      ));
  });
}
