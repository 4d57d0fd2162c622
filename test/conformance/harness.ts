/** What the conformance suites share: the gateway's config, how cases travel, and how a failure reads. */
import type { Delivery } from "../support/raw.ts";
import { show } from "../support/strict-parser.ts";
import type { CaseResult } from "./request-runner.ts";

/** One route that takes everything, one service; timeouts short enough that a hanging case fails soon. */
export function configFor(servicePort: number): object {
  return {
    // What begins with the preface of HTTP/2 is one more thing that is not HTTP/1.1 here.
    listeners: [{ name: "test", address: "127.0.0.1:0", http2: { cleartext: false } }],
    limits: { headerTimeout: "4s" },
    // What the suites compare is how a message is read; how a path is made plain has tests of its own.
    paths: { slashes: "keep" },
    routes: [{ name: "all", service: "strict" }],
    services: {
      strict: {
        endpoints: [`http://127.0.0.1:${servicePort}`],
        // The table also holds what a service may have served: the default would send it again.
        resend: "idempotent",
        timeouts: { connect: "2s", response: "4s", idle: "60s" },
      },
    },
  };
}

/** Every case in one write, and again cut up: in a few pieces or byte by byte, in turns. */
export function wholeAndCut(index: number): readonly Delivery[] {
  return ["whole", index % 2 === 0 ? "bytes" : "split"];
}

/** The failures of one family as text: the bytes, what was seen, what is wrong. */
export function failuresOf(results: readonly CaseResult[], family: string): string[] {
  return results
    .filter((result) => result.family === family && result.problems.length > 0)
    .map(
      (result) =>
        `\n${result.name} (${result.delivery})\n  sent   ${show(result.sent)}\n  answer ${show(result.answer, 200)}\n  ` +
        result.problems.map((problem) => `WRONG  ${problem}`).join("\n  "),
    );
}
