/** What was measured, for people (Markdown), for programs (JSON) and for the terminal. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { REPEAT_METHOD } from "./noise.ts";
import { ROOT } from "./root.ts";
import type { Bench, Outcome, Table, Verdict } from "./scenario.ts";

export interface Report {
  readonly name: string;
  readonly summary: string;
  readonly bench: Bench;
  readonly outcome: Outcome;
  readonly machine: Machine;
  readonly date: string;
  /** The command that repeats it. */
  readonly command: string;
  /** Why it does not stand for the project ("quick", "partial"); undefined for a whole run. */
  readonly reservation: string | undefined;
}

/** Writes NAME.md and NAME.json into bench/results/. */
export function writeReport(report: Report): string {
  const folder = join(ROOT, "bench/results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${report.name}.md`), toMarkdown(report));
  const { bench, outcome, machine, date, command, reservation } = report;
  const { rounds, seconds } = bench;
  const { verdicts, configs, raw } = outcome;
  const content = {
    name: report.name,
    date,
    command,
    reservation,
    machine,
    rounds,
    seconds,
    verdicts,
    configs,
    raw,
  };
  writeFileSync(join(folder, `${report.name}.json`), `${JSON.stringify(content, undefined, 1)}\n`);
  return `bench/results/${report.name}.md`;
}

/** The page. */
export function toMarkdown(report: Report): string {
  const { bench, outcome, machine, reservation } = report;
  const parts = [`# ${report.name}: ${report.summary}`, ""];
  if (reservation) parts.push(`**This was a ${reservation} run: it does not stand for the project.**`, "");
  for (const table of outcome.tables) parts.push(...tableLines(table), "");
  parts.push(
    "## Bars",
    "",
    ...rowsOf(["what", "measured", "bar", ""], outcome.verdicts.map(verdictCells)),
    "",
  );
  const method = bench.options.repeatDisturbed ? [...outcome.method, REPEAT_METHOD] : outcome.method;
  parts.push("## How", "", ...method.map((line) => `- ${line}`), "");
  parts.push(
    `- ${report.date}, ${bench.rounds} rounds, ${bench.seconds} s each, proxies on core ${bench.options.proxyCore}, load and upstream on core ${bench.options.loadCore}`,
    `- command: \`${report.command}\``,
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, load average before: ${machine.loadBefore.toFixed(2)}`,
    `- Torana ${machine.torana} on Node ${machine.node} (OpenSSL ${machine.nodeOpenssl}); ${machine.nginx}; ${machine.haproxy}; ${machine.wrk}; ${machine.h2load}; ${machine.openssl}`,
    "",
  );
  for (const [name, config] of Object.entries(outcome.configs))
    parts.push(
      `<details><summary>config of ${name}</summary>`,
      "",
      "```",
      config.trim(),
      "```",
      "</details>",
      "",
    );
  return parts.join("\n");
}

/** For the terminal: tables and verdicts in columns. */
export function toText(report: Report): string {
  const parts: string[] = [];
  for (const table of report.outcome.tables) {
    const plain = [table.head, ...table.rows].map((row) => row.map((cell) => cell.replaceAll("**", "")));
    parts.push("", table.title, ...columns(plain), ...(table.notes ?? []));
  }
  const head = ["measured", "", "bar", ""];
  parts.push("", `${report.name}${report.reservation ? ` (${report.reservation})` : ""}`);
  parts.push(...columns([head, ...report.outcome.verdicts.map(verdictCells)]));
  return parts.join("\n");
}

/** OK, SHORT, or "not measured". */
export function judge({ measured, bar }: Verdict): string {
  if (measured === undefined) return "not measured";
  return measured <= bar ? "OK" : "SHORT";
}

function verdictCells(verdict: Verdict): string[] {
  const { measured, bar, unit, digits = 2, note } = verdict;
  const value = measured === undefined ? "–" : `${measured.toFixed(digits)}${unit}`;
  return [
    verdict.what,
    note ? `${value} (${note})` : value,
    `≤ ${bar.toFixed(digits)}${unit}`,
    judge(verdict),
  ];
}

function tableLines(table: Table): string[] {
  const notes = (table.notes ?? []).flatMap((note) => ["", note]);
  return [`## ${table.title}`, "", ...rowsOf(table.head, table.rows), ...notes];
}

function rowsOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}
