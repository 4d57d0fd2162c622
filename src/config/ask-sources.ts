import { X509Certificate } from "node:crypto";
import { access } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { SourcedCertificate } from "./certificate-source.ts";
import type { ConfigDocument } from "./documents.ts";
import { isPemText } from "./pem-blocks.ts";
import { CODE_TIMEOUT, type CodeProblem, runCode } from "./run-code.ts";
import { isMap, mapsOf } from "./written.ts";

/** What the thread is told that asks a source. */
export interface SourceOrder {
  /** The file that exports it, absolute. */
  readonly path: string;
  readonly options: unknown;
  readonly hosts: readonly string[];
  /** How long it may take, in milliseconds. */
  readonly patience: number;
}

/** What that thread answers. */
export type SourceAnswer =
  | { readonly given: unknown; readonly files: readonly string[] }
  | (CodeProblem & { readonly files?: readonly string[] });

/** What came of asking a source: what it gave, or what is wrong. */
export interface Sourced {
  readonly certificate: SourcedCertificate | CodeProblem;
  /** What its code is made of, absolute. */
  readonly files: readonly string[];
  /** When it is to be asked again, in milliseconds; sooner once what it gave is found not to fit. */
  again: number;
}

const HOUR = 3_600_000;
/** Until one that failed is asked again, in milliseconds. */
export const RETRY = 60_000;
/** No source is asked more often, in milliseconds. */
const MIN = 1_000;
/** Threads that ask at once, at most: more would keep one another from being in time. */
const AT_ONCE = 8;
/** What is left for its end of the time that a source has, in milliseconds. */
const MARGIN = 500;

/** Asks all sources that stand in a document; gives what they gave by `listener certificate`, both as indexes. */
export async function askSources({ file, value }: ConfigDocument): Promise<Map<string, Sourced>> {
  const asked = new Map<string, Sourced>();
  if (!isMap(value)) return asked;
  const waiting: (() => Promise<unknown>)[] = [];
  for (const [i, { tls }] of mapsOf(value["listeners"]))
    for (const [j, { source, options, hosts }] of mapsOf(isMap(tls) ? tls["certificates"] : undefined))
      if (typeof source === "string" && source !== "") {
        const path = resolve(dirname(file), source);
        const names = Array.isArray(hosts) ? hosts.map(String) : [];
        waiting.push(async () => asked.set(`${i} ${j}`, await ask(path, options, names)));
      }
  const inTurn = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  return asked;
}

async function ask(path: string, options: unknown, hosts: readonly string[]): Promise<Sourced> {
  const answer = (await unreadable(path)) ?? (await run(path, options, hosts));
  const files = [path, ...(answer.files ?? [])];
  const certificate = "given" in answer ? certificateOf(answer.given) : placed(answer, path);
  return { certificate, files, again: "cert" in certificate ? refreshOf(certificate, Date.now()) : RETRY };
}

async function unreadable(path: string): Promise<(CodeProblem & { readonly files?: undefined }) | undefined> {
  try {
    await access(path);
    return undefined;
  } catch (error) {
    const { code = "?" } = error as NodeJS.ErrnoException;
    return { reason: `cannot be read (${code})`, cure: "make it; its path begins at the config file" };
  }
}

function run(path: string, options: unknown, hosts: readonly string[]): Promise<SourceAnswer> {
  // `.ts` in a checkout, `.js` in the published package.
  const thread = new URL(import.meta.url.replace(/ask-sources(\.\w+)$/, "certificate-source-thread$1"));
  const order: SourceOrder = { path, options, hosts, patience: CODE_TIMEOUT - MARGIN };
  const late = "give up sooner: request.signal says when";
  return runCode<SourceAnswer>(thread, order, "a certificate", late);
}

/** A problem that says in which line of users' code it came up. */
function placed({ reason, cure, file, line }: CodeProblem, path: string): CodeProblem {
  if (line === undefined) return { reason, cure };
  const where = file === undefined || file === path ? `line ${line}` : `${basename(file)}:${line}`;
  return { reason: `${reason} (${where})`, cure };
}

/** What a source gave, if it is what it should be. */
function certificateOf(given: unknown): SourcedCertificate | CodeProblem {
  if (!isMap(given)) return { reason: "gave no certificate", cure: "give { cert, key } as PEM text" };
  const { cert, key, ocsp, refreshAfter } = given;
  for (const [name, text] of Object.entries({ cert, key }))
    if (typeof text !== "string" || !isPemText(text))
      return { reason: `gave no PEM text as ${name}`, cure: "give { cert, key } as PEM text" };
  if (ocsp !== undefined && !(ocsp instanceof Uint8Array))
    return { reason: "gave something else than bytes as ocsp", cure: "give the CA's answer as it is (DER)" };
  if (refreshAfter !== undefined && !(typeof refreshAfter === "number" && refreshAfter > 0))
    return { reason: "gave no time as refreshAfter", cure: "give milliseconds, or leave it out" };
  return { cert: cert as string, key: key as string, ocsp, refreshAfter };
}

function refreshOf({ cert, refreshAfter = HOUR }: SourcedCertificate, now: number): number {
  let left = Number.POSITIVE_INFINITY;
  try {
    left = new X509Certificate(cert).validToDate.getTime() - now;
  } catch {
    // It is told where certificates are checked.
  }
  return Math.max(MIN, Math.min(refreshAfter, (left / 3) * 2));
}
