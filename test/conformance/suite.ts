/** What the three conformance suites are: a gateway before a service, a table of families, a test for each. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import type { Delivery } from "../support/raw.ts";
import type { Family } from "./attacks/table.ts";
import { configFor, failuresOf } from "./harness.ts";
import type { CaseResult, RunOptions } from "./request-runner.ts";

/** A service that cases are played against. */
interface PlayedService {
  readonly port: number;
  stop(): Promise<void>;
}

/** What runs while the tests of a suite do. */
export interface Running<Service> {
  readonly gateway: TestGateway;
  readonly service: Service;
  /** Of every case in every way it travelled. */
  readonly results: readonly CaseResult[];
}

export interface Suite<Case, Service extends PlayedService> {
  readonly title: string;
  readonly families: readonly Family<Case>[];
  readonly startService: () => Promise<Service>;
  readonly run: (
    families: readonly Family<Case>[],
    options: RunOptions<Service>,
  ) => Promise<readonly CaseResult[]>;
  /** How each case travels; given the case's place in the run. */
  readonly deliveries: (index: number) => readonly Delivery[];
}

/** Declares the suite, and the tests that `more` declares behind those of the families. */
export function conformanceSuite<Case, Service extends PlayedService>(
  { title, families, startService, run, deliveries }: Suite<Case, Service>,
  more: (running: () => Running<Service>) => void,
): void {
  describe(title, () => {
    let service: Service;
    let gateway: TestGateway;
    let results: readonly CaseResult[];

    before(async () => {
      service = await startService();
      gateway = await startGateway(configFor(service.port));
      results = await run(families, { port: gateway.port(), service, own: true, deliveries });
    });

    after(async () => {
      await gateway.stop();
      await service.stop();
    });

    for (const { name, rfc, rule, cases } of families) {
      it(`${name}: ${rule} (${rfc})`, () => {
        const failures = failuresOf(results, name);
        const ran = results.filter((result) => result.family === name);
        assert.equal(ran.length, cases.length * deliveries(0).length);
        assert.equal(failures.length, 0, failures.join("\n"));
      });
    }

    more(() => ({ gateway, service, results }));
  });
}
