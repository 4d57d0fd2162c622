import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { askSources } from "./ask-sources.ts";
import { calledServices } from "./called-services.ts";
import { checkCertificates } from "./check-certificates.ts";
import { checkListeners } from "./check-listeners.ts";
import { checkRoutes } from "./check-routes.ts";
import { checkServices } from "./check-services.ts";
import { checkStores } from "./check-stores.ts";
import { checkTcp } from "./check-tcp.ts";
import { coerceSecrets, noteInPolicies } from "./coerce.ts";
import { type ConfigDocument, Documents } from "./documents.ts";
import { expandConfig } from "./expand.ts";
import { Findings } from "./findings.ts";
import { Hints } from "./hints.ts";
import { describeIssues } from "./issues.ts";
import { withPolicyPaths } from "./policy-path.ts";
import { ConfigError, type ConfigProblem, type Locate } from "./problem.ts";
import { readConsumers } from "./read-consumers.ts";
import { readPem } from "./read-pem.ts";
import type { RouteMemory } from "./route-memory.ts";
import {
  type Config,
  configSchema,
  type IncludedConfig,
  includedSchema,
  type WrittenConfig,
} from "./schema.ts";
import { type SecretValue, secretsIn } from "./secret-options.ts";
import { keepSecrets, type Secrets } from "./secrets.ts";
import { ServiceScope } from "./service-scope.ts";

/** A config, and what is known about how it was written. */
export interface LoadedConfig {
  readonly config: Config;
  /** Every file that it was made of, absolute; also those that stand in for values. */
  readonly files: readonly string[];
  /** What serves, but was hardly meant so. */
  readonly warnings: readonly ConfigProblem[];
  readonly secrets: Secrets;
  readonly locate: Locate;
  /** When it is to be read again whatever changes, in milliseconds: sources of certificates are asked anew. */
  readonly again: number | undefined;
}

/** How often files are looked at that are being replaced one after the other, and how long after one another, in milliseconds. */
const LOOKS = 3;
const LOOK_AGAIN = 300;

/** Reads a config file: YAML, JSON by its name, or code by its name. Throws a ConfigError with every problem. */
export async function loadConfig(file: string): Promise<Config> {
  return (await readConfig(file)).config;
}

/** As `loadConfig`, with everything that is known about it. `memory`: routes that were read before are not read again. */
export async function readConfig(file: string, memory?: RouteMemory): Promise<LoadedConfig> {
  for (let look = 1; ; look++) {
    const documents = new Documents();
    try {
      const main = await documents.load(file);
      documents.sourced = await askSources(main);
      return finish(main, documents, memory);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (!documents.unsettled || look === LOOKS) {
        error.files = documents.files;
        error.again = againAfter(documents);
        throw error;
      }
    }
    await sleep(LOOK_AGAIN);
  }
}

function againAfter({ sourced }: Documents): number | undefined {
  const all = [...sourced.values()].map(({ again }) => again);
  return all.length === 0 ? undefined : Math.min(...all);
}

/** Parses a config's text. Throws a ConfigError with every problem. */
export function parseConfig(text: string, file: string): Config {
  const documents = new Documents();
  return finish(documents.fromText(text, file), documents).config;
}

/** Checks a config that is there as data. Throws a ConfigError with every problem. */
export function checkConfig(value: unknown, file = "config", locate?: Locate): Config {
  const documents = new Documents();
  return finish(documents.fromValue(value, file, locate), documents).config;
}

let hints: { readonly config: Hints; readonly included: Hints } | undefined;

/** Made at the first need: only problems and values from outside ask for them. */
function hintsOf(): { readonly config: Hints; readonly included: Hints } {
  hints ??= { config: new Hints(configSchema), included: new Hints(includedSchema) };
  return hints;
}

function finish(main: ConfigDocument, documents: Documents, memory?: RouteMemory): LoadedConfig {
  const { findings, locate } = documents;
  const written = readBy(configSchema, main, documents, memory);
  const included = new Map<ConfigDocument, IncludedConfig>();
  for (const document of includedIn(main)) {
    const read = readBy(includedSchema, document, documents);
    if (read !== undefined) included.set(document, read);
  }
  const warnings = new Findings();
  const services = ServiceScope.of(main);
  checkListeners(main, findings);
  checkCertificates(main, findings);
  checkRoutes(main, services, findings, memory);
  checkTcp(main, services, findings);
  const found = written && readConsumers(written, main.file, documents, memory?.consumers);
  const problems = [
    ...documents.broken.flatMap((error) => error.problems),
    ...findings.problems(locate, documents.secrets),
    ...(found?.problems ?? []),
  ];
  if (problems.length > 0 || written === undefined) throw new ConfigError(problems);
  const expanded = expandConfig(main, written, included, memory);
  checkServices(expanded, main.file, findings, warnings);
  checkStores(expanded, main.file, findings);
  const { consumers } = found!;
  const config = { ...readPem(expanded, main.file, documents, warnings), ...(consumers && { consumers }) };
  const { secrets } = documents;
  findings.throwIfAny(locate, secrets);
  keepSecrets(config, secrets);
  const unused = Object.keys(config.services).filter((name) => !services.used.has(name));
  const called = unused.length > 0 ? calledServices(config) : services.used;
  for (const name of unused)
    if (!called.has(name))
      warnings.add(
        config.services[name]!.origin ?? { file: main.file, path: ["services", name] },
        "no route leads here",
        "remove it, or name it in a route",
        "key",
      );
  if (isOpen(config.admin))
    warnings.add(
      { file: main.file, path: ["admin"] },
      "whoever reaches this address sees the config and can reload it",
      "listen on 127.0.0.1, or on an address that only operators reach",
    );
  const { files } = documents;
  const again = againAfter(documents);
  return { config, files, warnings: warnings.problems(locate, secrets), secrets, locate, again };
}

/** Whether others than this machine's own programs may reach an address. */
function isOpen(address: Config["admin"]): boolean {
  if (address === undefined || address.socket !== undefined) return false;
  return address.host !== "::1" && !address.host.startsWith("127.");
}

/** What a schema makes of a document, with absolute paths of policies; undefined where it finds something wrong. */
function readBy<T extends WrittenConfig | IncludedConfig>(
  schema: z.ZodType<T>,
  document: ConfigDocument,
  documents: Documents,
  memory?: RouteMemory,
): T | undefined {
  const { findings, secrets } = documents;
  const hintsHere = () => ((schema as unknown) === configSchema ? hintsOf().config : hintsOf().included);
  const value = coerceSecrets(document, secrets, hintsHere);
  const written = secretsIn(schema, value);
  // What consumers are known by leaves the config when it is read: only a problem could show it.
  const ofConsumers = ({ path: [key] }: SecretValue): boolean => key === "consumers";
  const note = ({ path, texts }: SecretValue): void => {
    for (const text of texts) documents.noteSecret({ file: document.file, path }, text);
  };
  for (const one of written) if (!ofConsumers(one)) note(one);
  const remembered = memory?.read(schema, document.file, value, secrets);
  if (remembered !== undefined) return remembered;
  const read = schema.safeParse(value);
  if (read.success) {
    const placed = withPolicyPaths(read.data, document.file);
    noteInPolicies(placed, document.file, secrets);
    return placed;
  }
  for (const one of written) if (ofConsumers(one)) note(one);
  for (const { path, reason, cure, part } of describeIssues(
    read.error.issues as z.core.$ZodIssue[],
    value,
    hintsHere(),
  ))
    findings.add({ file: document.file, path }, reason, cure, part);
  return undefined;
}

function includedIn({ includes }: ConfigDocument): ConfigDocument[] {
  return [...includes.values()].flatMap((document) => [document, ...includedIn(document)]);
}
