import { grpcStatusOfReason } from "../../src/errors/grpc-reply.ts";
import { REASONS, type ReasonSpec } from "../../src/errors/reasons.ts";
import type { PolicyDefinition } from "../../src/pipeline/policy.ts";
import { cell } from "./schema-table.ts";

const SOURCES = {
  downstream: "The client's side: the request, or the way to the client.",
  gateway: "The gateway itself: its config, its policies, its limits.",
  upstream: "The service's side: an endpoint, or the way to it.",
} as const;

/** The page docs/reasons.md. */
export function reasonsPage(policies: readonly PolicyDefinition[]): string {
  const own = Object.entries<ReasonSpec>(REASONS);
  const parts = Object.entries(SOURCES).flatMap(([source, text]) => [
    `## ${source}`,
    "",
    text,
    "",
    reasonTable(own.filter(([, spec]) => spec.source === source)),
    "",
  ]);
  return [
    "<!-- Made by npm run docs from src/errors/reasons.ts and the policies. -->",
    "# Reasons",
    "",
    "When the gateway answers by itself, or an exchange fails, there is one reason. It stands in the answer",
    "(`application/problem+json`, field `reason`; for a gRPC call its status and `grpc-message`, see [gRPC](grpc.md)), in the access log and",
    "in the metrics. `retry: yes` means that the request",
    "never reached a service, so that the gateway itself sends it again where it can.",
    "",
    ...parts,
    "## Of policies",
    "",
    "| reason | policy | status | gRPC | meaning |",
    "|---|---|---|---|---|",
    ...policies.flatMap(({ name, reasons = {} }) =>
      Object.entries(reasons).map(
        ([code, spec]) =>
          `| \`${code}\` | [${name}](policies/${name}.md) | ${spec.status} | ${grpcStatusOfReason(spec)} | ${cell(spec.title)} |`,
      ),
    ),
    "",
  ].join("\n");
}

/** Reasons as a table in Markdown. */
export function reasonTable(reasons: readonly (readonly [string, ReasonSpec])[]): string {
  return [
    "| reason | status | gRPC | retry | meaning |",
    "|---|---|---|---|---|",
    ...reasons.map(
      ([code, spec]) =>
        `| \`${code}\` | ${spec.status} | ${grpcStatusOfReason(spec)} | ${spec.retry === true ? "yes" : ""} | ${cell(spec.title)} |`,
    ),
  ].join("\n");
}
