import type { z } from "zod";
import { checkListeners } from "./check-listeners.ts";
import { checkRoutes } from "./check-routes.ts";
import { checkServices } from "./check-services.ts";
import { checkTcp } from "./check-tcp.ts";
import { coerceSecrets, noteInPolicies } from "./coerce.ts";
import { type ConfigDocument, Documents } from "./documents.ts";
import { expandConfig } from "./expand.ts";
import { Findings } from "./findings.ts";
import { Hints } from "./hints.ts";
import { describeIssues } from "./issues.ts";
import { withPolicyPaths } from "./policy-path.ts";
import { ConfigError, type ConfigProblem, type Locate } from "./problem.ts";
import { readPem } from "./read-pem.ts";
import type { RouteMemory } from "./route-memory.ts";
import {
  type Config,
  configSchema,
  type IncludedConfig,
  includedSchema,
  type WrittenConfig,
} from "./schema.ts";
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
}

/** Reads a config file: YAML, JSON by its name, or code by its name. Throws a ConfigError with every problem. */
export async function loadConfig(file: string): Promise<Config> {
  return (await readConfig(file)).config;
}

/** As `loadConfig`, with everything that is known about it. `memory`: routes that were read before are not read again. */
export async function readConfig(file: string, memory?: RouteMemory): Promise<LoadedConfig> {
  const documents = new Documents();
  try {
    return finish(await documents.load(file), documents, memory);
  } catch (error) {
    if (error instanceof ConfigError) error.files = documents.files;
    throw error;
  }
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
  checkRoutes(main, services, findings);
  checkTcp(main, services, findings);
  const problems = [
    ...documents.broken.flatMap((error) => error.problems),
    ...findings.problems(locate, documents.secrets),
  ];
  if (problems.length > 0 || written === undefined) throw new ConfigError(problems);
  const expanded = expandConfig(main, written, included, memory);
  checkServices(expanded, main.file, findings, warnings);
  const config = readPem(expanded, main.file, documents);
  const { secrets } = documents;
  findings.throwIfAny(locate, secrets);
  keepSecrets(config, secrets);
  for (const [name, { origin }] of Object.entries(config.services))
    if (!services.used.has(name))
      warnings.add(
        origin ?? { file: main.file, path: ["services", name] },
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
  return { config, files: documents.files, warnings: warnings.problems(locate, secrets), secrets, locate };
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
  { findings, secrets }: Documents,
  memory?: RouteMemory,
): T | undefined {
  const hintsHere = () => ((schema as unknown) === configSchema ? hintsOf().config : hintsOf().included);
  const value = coerceSecrets(document, secrets, hintsHere);
  const remembered = memory?.read(schema, document.file, value, secrets);
  if (remembered !== undefined) return remembered;
  const read = schema.safeParse(value);
  if (read.success) {
    const placed = withPolicyPaths(read.data, document.file);
    noteInPolicies(placed, document.file, secrets);
    return placed;
  }
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
