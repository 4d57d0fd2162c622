import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";

/** What is wrong with a service that is written so; empty when nothing is. */
function problemsOf(service: string): string[] {
  const text = [
    'listeners: [{ name: p, address: ":0" }]',
    `services: { s: ${service} }`,
    "routes: [{ name: r, service: s }]",
  ].join("\n");
  try {
    parseConfig(text, "t.yaml");
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, reason }) => `${path}: ${reason}`);
  }
  return [];
}

const CASES: readonly (readonly [service: string, problem: RegExp | undefined])[] = [
  ['{ endpoints: ["h2c://a:50051"] }', undefined],
  ['{ endpoints: ["h2c://a"], protocol: auto }', undefined],
  ['{ endpoints: ["http://a"], protocol: http2 }', undefined],
  ['{ endpoints: ["unix:/run/a.sock"], protocol: http2 }', undefined],
  ['{ endpoints: ["https://a"], protocol: http1 }', undefined],
  ['{ endpoints: ["http://a"], proxyProtocol: v2 }', undefined],
  [
    '{ endpoints: ["http://a", "h2c://b"], protocol: http1 }',
    /^services\.s\.endpoints\[1\]: h2c:\/\/ is HTTP\/2/,
  ],
  ['{ endpoints: ["http://a"], protocol: h2 }', /^services\.s\.protocol: /],
  ['{ endpoints: ["h2c://a/path"] }', /^services\.s\.endpoints\[0\]: not an endpoint/],
  ['{ endpoints: ["h2c://a"], proxyProtocol: v1 }', undefined],
];

for (const [service, problem] of CASES)
  test(`${service} is ${problem === undefined ? "good" : "refused"}`, () => {
    const problems = problemsOf(service);
    if (problem === undefined) assert.deepEqual(problems, []);
    else {
      assert.equal(problems.length, 1, problems.join());
      assert.match(problems[0]!, problem);
    }
  });
