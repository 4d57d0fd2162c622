import { hash } from "node:crypto";
import { type BigIntStats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { type Clash, ConsumerTableBuilder, type WrittenAt } from "../lib/consumer-table-builder.ts";
import { addConsumer } from "./consumer-records.ts";
import { type ConsumerConfig, consumerSchema } from "./consumer-schema.ts";
import type { Documents } from "./documents.ts";
import { Hints } from "./hints.ts";
import { describeIssues } from "./issues.ts";
import { linesOf } from "./lines.ts";
import { type ConfigProblem, pathText } from "./problem.ts";
import { secretsIn } from "./secret-options.ts";
import { hideSecrets, textsOfSecret } from "./secrets.ts";
import { isMap } from "./written.ts";

/** The consumers of a config as threads share them. */
export interface ConsumersConfig {
  readonly size: number;
  /** Tells tables apart: the same consumers, written the same way, have the same. */
  readonly fingerprint: string;
  /** A ConsumerTable. */
  readonly memory: SharedArrayBuffer;
}

/** Consumers as a config writes them. */
export interface WrittenConsumers {
  readonly consumers: readonly ConsumerConfig[];
  readonly consumerFiles: readonly string[];
}

/** Problems of one file, and clashes of all, that are told at most. */
const MAX_PROBLEMS = 20;
const FRESH = 2_000;

/** Consumers, and what stands for all that they were made of. */
export interface MadeConsumers {
  readonly key: string;
  readonly made: ConsumersConfig;
}

/** Remembers the consumers that were read last, for as long as nothing that they were made of changes. */
export class ConsumerMemory {
  /** A file that changed so shortly before it was read may have changed since, in milliseconds. */
  readonly fresh: number;
  /** What it remembers; undefined where it is not sure to know a change. */
  last: MadeConsumers | undefined = undefined;

  constructor(fresh: number = FRESH) {
    this.fresh = fresh;
  }
}

/**
 * Reads the consumers of a config, those of files too, into one table. What is wrong in the config's own text is added to the
 * documents' findings, what is wrong in files is given back; a file that is read is watched.
 */
export function readConsumers(
  written: WrittenConsumers,
  mainFile: string,
  documents: Documents,
  memory: ConsumerMemory = new ConsumerMemory(),
): { readonly consumers: ConsumersConfig | undefined; readonly problems: readonly ConfigProblem[] } {
  if (written.consumers.length === 0 && written.consumerFiles.length === 0)
    return { consumers: undefined, problems: [] };
  const reader = new ConsumerReader(mainFile, documents);
  const files = written.consumerFiles.map((name, i) => reader.file(name, i));
  const key = keyOf(written.consumers, files, memory.fresh);
  if (key !== undefined && key === memory.last?.key) return { consumers: memory.last.made, problems: [] };
  for (const [i, consumer] of written.consumers.entries()) reader.add(consumer, { source: 0, line: i });
  for (const [i, file] of files.entries()) if (file !== undefined) reader.lines(file.path, i + 1);
  const made = reader.finish();
  if (made === undefined) return { consumers: undefined, problems: reader.problems };
  memory.last = key === undefined ? undefined : { key, made };
  return { consumers: made, problems: [] };
}

interface ConsumerFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/** Stands for all that consumers are made of; undefined where a file may change without showing it. */
function keyOf(
  consumers: readonly ConsumerConfig[],
  files: readonly (ConsumerFile | undefined)[],
  fresh: number,
): string | undefined {
  const now = Date.now();
  const parts: string[] = [];
  for (const file of files) {
    if (file === undefined) return undefined;
    const { ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = file.stats;
    if (now - Number(mtimeMs) < fresh || now - Number(ctimeMs) < fresh) return undefined;
    parts.push(`${file.path}\0${ino} ${size} ${mtimeNs} ${ctimeNs}`);
  }
  return hash("sha256", JSON.stringify([consumers, parts]), "base64url");
}

class ConsumerReader {
  readonly problems: ConfigProblem[] = [];
  readonly #mainFile: string;
  readonly #documents: Documents;
  readonly #builder = new ConsumerTableBuilder();
  /** Ids that keys were given, and where. */
  readonly #ids = new Set<string>();
  readonly #sources: string[];
  #failed = false;
  #hints: Hints | undefined = undefined;

  constructor(mainFile: string, documents: Documents) {
    this.#mainFile = mainFile;
    this.#documents = documents;
    this.#sources = [mainFile];
  }

  /** A file by its name in the config; undefined where it cannot be read. */
  file(name: string, index: number): ConsumerFile | undefined {
    const path = resolve(dirname(this.#mainFile), name);
    this.#sources.push(name);
    this.#documents.noteFile(path);
    try {
      const stats = statSync(path, { bigint: true });
      if (stats.isFile()) return { path, stats };
      this.#refuseFile(index, `${name} is not a file`, "name a file with one consumer a line");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "?";
      this.#refuseFile(
        index,
        `the file ${name} cannot be read (${code})`,
        "its path begins at the file that it is written in",
      );
    }
    return undefined;
  }

  #refuseFile(index: number, reason: string, cure: string): void {
    this.#failed = true;
    this.#documents.findings.add({ file: this.#mainFile, path: ["consumerFiles", index] }, reason, cure);
  }

  add(consumer: ConsumerConfig, at: WrittenAt): void {
    for (const { id } of consumer.keys ?? []) {
      if (id === undefined) continue;
      if (this.#ids.has(id))
        this.#problem(at, `another key has the id ${JSON.stringify(id)}`, "give it another id");
      this.#ids.add(id);
    }
    addConsumer(this.#builder, consumer, at);
  }

  /** Reads a file: a consumer a line, in JSON. */
  lines(path: string, source: number): void {
    let line = 0;
    let found = 0;
    const problem = (reason: string, cure: string, at = ""): void => {
      if (++found <= MAX_PROBLEMS) this.#problem({ source, line }, reason, cure, at);
      this.#failed = true;
    };
    try {
      for (const one of linesOf(path)) {
        line++;
        if ("problem" in one) problem(one.problem, "write one consumer a line, in JSON and UTF-8");
        else this.#line(line === 1 ? one.text.replace(/^\uFEFF/, "") : one.text, { source, line }, problem);
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "?";
      problem(`cannot be read on (${code})`, "make the file readable");
    }
    if (found > MAX_PROBLEMS) {
      line = 0;
      this.#problem(
        { source, line },
        `has ${found - MAX_PROBLEMS} further problems`,
        "mend those above first",
      );
    }
  }

  #line(text: string, at: WrittenAt, problem: (reason: string, cure: string, at?: string) => void): void {
    if (text.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // What the parser says quotes the line, and the line may hold secrets.
      problem("is not JSON", 'write one consumer a line: {"name":"orders","keys":[{"hash":"sha256:…"}]}');
      return;
    }
    if (!isMap(value)) {
      problem("is not a map", 'write one consumer a line: {"name":"orders"}');
      return;
    }
    const read = consumerSchema.safeParse(value);
    if (read.success) {
      this.add(read.data, at);
      return;
    }
    this.#hints ??= new Hints(consumerSchema);
    const texts = secretsIn(consumerSchema, value).flatMap((one) => one.texts.flatMap(textsOfSecret));
    for (const issue of describeIssues(read.error.issues as z.core.$ZodIssue[], value, this.#hints)) {
      const hide = (words: string): string => hideSecrets(words, { places: [], texts });
      problem(hide(issue.reason), hide(issue.cure), pathText(issue.path));
    }
  }

  #problem({ source, line }: WrittenAt, reason: string, cure: string, path = ""): void {
    this.#failed = true;
    if (source === 0) {
      this.#documents.findings.add({ file: this.#mainFile, path: ["consumers", line] }, reason, cure);
      return;
    }
    const at = line === 0 ? { line: undefined, column: undefined } : { line, column: 1 };
    this.problems.push({ file: this.#sources[source]!, ...at, path, reason, cure });
  }

  /** The table; undefined where anything is wrong. */
  finish(): ConsumersConfig | undefined {
    const { size } = this.#builder;
    const { memory, clashes } = this.#builder.build(MAX_PROBLEMS);
    for (const clash of clashes) this.#clash(clash);
    if (this.#failed) return undefined;
    const fingerprint = hash("sha256", new Uint8Array(memory), "base64url");
    return { size, fingerprint, memory };
  }

  #clash({ kind, first, second }: Clash): void {
    const file = this.#sources[first.source]!;
    const before =
      first.source === 0 ? `consumers[${first.line}] of ${file}` : `line ${first.line} of ${file}`;
    this.#problem(second, `${TWICE[kind]} as ${before}`, "leave it at one of them");
  }
}

const TWICE: Readonly<Record<Clash["kind"], string>> = {
  name: "has the same name",
  key: "has the same key",
  basic: "has the same user",
  hmac: "has an hmac of the same id",
  signature: "has a signature key of the same id",
  subject: "has the same issuer and subject",
  certificate: "has the same certificate",
};
