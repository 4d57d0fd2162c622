import { readFileSync } from "node:fs";
import { z } from "zod";
import { PHASES } from "../../src/pipeline/phases.ts";
import type { PolicyDefinition } from "../../src/pipeline/policy.ts";
import { reasonTable } from "./reasons-page.ts";
import { type JsonSchema, rowsOf, tableOf } from "./schema-table.ts";

const BEGIN = "<!-- by hand: begin -->";
const END = "<!-- by hand: end -->";

/** The page of one policy; the part between the marks is written by hand and kept from `before`. */
export function policyPage(policy: PolicyDefinition, before: string): string {
  const schema = z.toJSONSchema(policy.options, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const rows = rowsOf(schema);
  const reasons = Object.entries(policy.reasons ?? {});
  return [
    `<!-- Made by npm run docs from src/policies/${policy.name}.ts, but for the part by hand. -->`,
    `# ${policy.name}`,
    "",
    summaryOf(policy),
    "",
    `Phase: **${policy.phase}**${phaseNote(policy)} ([the order](../life-of-a-request.md)).`,
    "",
    BEGIN,
    byHand(before),
    END,
    "",
    "## Options",
    "",
    rows.length === 0 ? "None." : tableOf(rows),
    "",
    ...(reasons.length === 0 ? [] : ["## Reasons", "", reasonTable(reasons), ""]),
  ].join("\n");
}

function phaseNote({ phase, answers = false }: PolicyDefinition): string {
  if (answers) return "; it answers, so that its route needs no service";
  return phase === "forward" ? ": it acts on tries, answers or the log only" : "";
}

/** The list of all policies, in the order in which their phases run. */
export function policyIndex(policies: readonly PolicyDefinition[]): string {
  const sorted = [...policies].sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase));
  return [
    "<!-- Made by npm run docs from src/policies/. -->",
    "# Policies",
    "",
    "A policy stands in `policies:` of the whole config, of a route, or of a service: its name, then its options. Which runs",
    "first is a matter of phases, not of the order of the keys: [life of a request](../life-of-a-request.md). What is",
    "missing here you can [write yourself](../write-a-policy.md).",
    "",
    "| policy | phase | what it does |",
    "|---|---|---|",
    ...sorted.map(
      (policy) => `| [${policy.name}](${policy.name}.md) | ${policy.phase} | ${summaryOf(policy)} |`,
    ),
    "",
  ].join("\n");
}

/** What stands between the marks of a page; empty where there are none yet. */
export function byHand(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  return begin < 0 || end < begin ? "" : page.slice(begin + BEGIN.length, end).trim();
}

/** The first paragraph of the docstring of the policy's file. */
export function summaryOf({ name }: PolicyDefinition): string {
  const text = readFileSync(new URL(`../../src/policies/${name}.ts`, import.meta.url), "utf8");
  const before = text
    .slice(0, text.search(/export const \w+[^=]*= define(?:Policy|Authenticator)/))
    .trimEnd();
  if (!before.endsWith("*/"))
    throw new Error(`src/policies/${name}.ts: the policy has no docstring right before it`);
  const docstring = before.slice(before.lastIndexOf("/**") + 3, -2);
  const lines = docstring.split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trimEnd());
  return lines.join("\n").trim().split("\n\n")[0]!.replaceAll("\n", " ");
}
