/**
 * Runs the whole table of attacks and writes bench/results/attacks.md: each family with its rule and result.
 * Another gateway is judged with `--gateway PORT --service PORT` (it must lead to that service port); that prints.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startGateway } from "../support/gateway.ts";
import { requestFamilies } from "./attacks/requests.ts";
import { responseFamilies } from "./attacks/responses.ts";
import { configFor, failuresOf, wholeAndCut } from "./harness.ts";
import { startLyingService } from "./lying-service.ts";
import { type CaseResult, runRequestCases } from "./request-runner.ts";
import { runResponseCases } from "./response-runner.ts";
import { startStrictService } from "./strict-service.ts";
import { wellFormedRequests } from "./well-formed/requests.ts";
import { wellFormedResponses } from "./well-formed/responses.ts";

interface Row {
  readonly name: string;
  readonly rfc: string;
  readonly rule: string;
  readonly cases: readonly unknown[];
}

/** A gateway that is not ours hangs where ours answers: waiting for it as long would take an hour. */
const PEER_PATIENCE_MS = 500;

const { values } = parseArgs({
  options: { gateway: { type: "string" }, service: { type: "string" }, verbose: { type: "boolean" } },
});
const own = values.gateway === undefined;
const common = { own, deliveries: wholeAndCut, ...(own ? {} : { patienceMs: PEER_PATIENCE_MS }) };

async function withGateway<T>(servicePort: number, run: (port: number) => Promise<T>): Promise<T> {
  if (values.gateway !== undefined) return run(Number(values.gateway));
  const gateway = await startGateway(configFor(servicePort));
  try {
    return await run(gateway.port());
  } finally {
    await gateway.stop();
  }
}

async function requestResults(): Promise<CaseResult[]> {
  const service = await startStrictService(Number(values.service ?? 0));
  try {
    return await withGateway(service.port, (port) =>
      runRequestCases([...requestFamilies, ...wellFormedRequests], { ...common, port, service }),
    );
  } finally {
    await service.stop();
  }
}

async function responseResults(): Promise<CaseResult[]> {
  const service = await startLyingService(Number(values.service ?? 0));
  try {
    return await withGateway(service.port, (port) =>
      runResponseCases([...responseFamilies, ...wellFormedResponses], { ...common, port, service }),
    );
  } finally {
    await service.stop();
  }
}

function table(title: string, families: readonly Row[], results: readonly CaseResult[]): string[] {
  const lines = families.map(({ name, rfc, rule, cases }) => {
    const failed = new Set(failing(results, name).map((result) => result.name)).size;
    const cells = [name, rfc, rule, String(cases.length), failed === 0 ? "all hold" : `**${failed} fail**`];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    `## ${title}`,
    "",
    "| family | source | rule | cases | result |",
    "|---|---|---|---|---|",
    ...lines,
    "",
  ];
}

function failing(results: readonly CaseResult[], family?: string): CaseResult[] {
  return results.filter(
    (result) => result.problems.length > 0 && (family === undefined || result.family === family),
  );
}

const requests = await requestResults();
const responses = await responseResults();
const all = [...requests, ...responses];
const families = [...requestFamilies, ...wellFormedRequests, ...responseFamilies, ...wellFormedResponses];
const text = [
  "# Attacks and well-formed messages on HTTP/1.1",
  "",
  `${families.length} families, ${families.reduce((sum, { cases }) => sum + cases.length, 0)} cases, each sent whole and again in pieces: ` +
    `${all.length} runs, of which ${failing(all).length} fail. Made by \`node test/conformance/report.ts\` with Node ${process.version}.`,
  "",
  "An attack is refused before the service sees it, or arrives in the one reading that the rule allows, judged by a strict",
  "parser that shares no code with the gateway. Behind each attack that has to be refused a second request is sent; it must",
  "never reach the service. After each lie of a service the next request, on the same connection and on a new one, must get",
  "its own answer.",
  "",
  ...table("Clients that attack", requestFamilies, requests),
  ...table("Services that lie", responseFamilies, responses),
  ...table("Requests that are well formed", wellFormedRequests, requests),
  ...table("Responses that are well formed", wellFormedResponses, responses),
].join("\n");

if (own) writeFileSync(fileURLToPath(new URL("../../bench/results/attacks.md", import.meta.url)), text);
else console.log(text);
if (values.verbose === true) for (const { name } of families) console.log(failuresOf(all, name).join("\n"));
console.log(`${all.length} runs, ${failing(all).length} fail`);
process.exitCode = failing(all).length > 0 ? 1 : 0;
