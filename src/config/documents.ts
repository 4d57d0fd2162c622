import { realpath } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, resolve } from "node:path";
import type { Sourced } from "./ask-sources.ts";
import { evaluateConfig } from "./evaluate.ts";
import { Findings } from "./findings.ts";
import { parseJson } from "./json.ts";
import { type FindPlace, placesIn } from "./places.ts";
import { ConfigError, type Locate, type Origin } from "./problem.ts";
import { readConfigFile } from "./read-file.ts";
import { type Secrets, textsOfSecret } from "./secrets.ts";
import { isOutside, substitute } from "./substitute.ts";
import { isMap, mapsOf, type WrittenMap } from "./written.ts";
import { parseYaml } from "./yaml.ts";

/** One file of a config: what is written in it, with environment and files put in place. */
export interface ConfigDocument {
  /** As it is named in problems. */
  readonly file: string;
  readonly value: unknown;
  /** Files that its routes include, by the route. */
  readonly includes: Map<object, ConfigDocument>;
}

/** Ends of the names of files that are run. */
const CODE: readonly string[] = [".ts", ".mts", ".js", ".mjs"];

/** Values that a document may hold however short its text is. */
const MIN_VALUES = 1_000_000;

/** Reads a config's files and everything that they refer to; collects what is wrong with them. */
export class Documents {
  readonly findings: Findings = new Findings();
  /** Why included files could not be read. */
  readonly broken: ConfigError[] = [];
  /** What sources gave for the certificates of the main file's listeners: by the index of the listener and its own. */
  sourced: ReadonlyMap<string, Sourced> = new Map();
  /** What is wrong may be right in a moment: files are being replaced. */
  unsettled = false;
  readonly #places: Origin[] = [];
  readonly #texts = new Set<string>();
  readonly #files = new Set<string>();
  readonly #finders = new Map<string, FindPlace>();
  #folder: string | undefined = undefined;

  /** Every file that was read, absolute. */
  get files(): string[] {
    return [...this.#files];
  }

  get secrets(): Secrets {
    // The longest first: one may stand within another.
    return { places: this.#places, texts: [...this.#texts].sort((a, b) => b.length - a.length) };
  }

  /** Notes a file that the config is made of; absolute. */
  noteFile(path: string): void {
    this.#files.add(path);
  }

  /** Notes a text that must not be shown, and where it stands. */
  noteSecret(origin: Origin, text: string): void {
    this.#places.push(origin);
    for (const one of textsOfSecret(text)) this.#texts.add(one);
  }

  /** Folder of the main config, which files named by included ones must lie in; undefined for a config that is no file. */
  get folder(): string | undefined {
    return this.#folder;
  }

  readonly locate: Locate = ({ file, path }, part) => this.#finders.get(file)?.(path, part);

  /** The main file and what it includes. Throws a ConfigError where the main file cannot be read at all. */
  async load(file: string): Promise<ConfigDocument> {
    const path = resolve(file);
    this.#files.add(path);
    const real = await realpath(path).catch(() => path);
    this.#folder = dirname(real);
    const document = await this.#read(path, file, undefined);
    await this.#include(document, [real]);
    return document;
  }

  /** A document of its data. */
  fromValue(value: unknown, file: string, locate?: Locate): ConfigDocument {
    if (locate !== undefined) this.#finders.set(file, (path, part) => locate({ file, path }, part));
    return this.#document(value, file, MIN_VALUES, undefined);
  }

  /** A document of its text: JSON where the file is named so, else YAML. Throws a ConfigError. */
  fromText(text: string, file: string): ConfigDocument {
    return this.#parse(text, file, undefined);
  }

  async #read(path: string, file: string, within: string | undefined): Promise<ConfigDocument> {
    const text = await readConfigFile(path, file);
    if (!CODE.includes(extname(path))) return this.#parse(text, file, within);
    const { value, places, files } = await evaluateConfig(path, file, text);
    for (const one of files) this.#files.add(one);
    this.#finders.set(file, places);
    return this.#document(value, file, MIN_VALUES, within);
  }

  #parse(text: string, file: string, within: string | undefined): ConfigDocument {
    const value = extname(file) === ".json" ? parseJson(text, file) : parseYaml(text, file);
    this.#finders.set(file, placesIn(text));
    return this.#document(value, file, MIN_VALUES + text.length, within);
  }

  #document(value: unknown, file: string, maxValues: number, within: string | undefined): ConfigDocument {
    const { findings } = this;
    const put = substitute(value ?? {}, {
      file,
      maxValues,
      within,
      env: process.env,
      findings,
      places: this.#places,
      texts: this.#texts,
      files: this.#files,
    });
    if (put === undefined) findings.throwIfAny(this.locate, this.secrets);
    return { file, value: put, includes: new Map() };
  }

  /** Reads what the routes of a document include; `above` are the real paths of the files that lead here. */
  async #include(document: ConfigDocument, above: readonly string[]): Promise<void> {
    for (const { route, path } of includesIn(document.value)) {
      const origin = { file: document.file, path: [...path, "include"] };
      const written = route["include"] as string;
      const file = isAbsolute(written) ? written : join(dirname(document.file), written);
      const real = await this.#mayInclude(resolve(file), written, above, origin);
      if (real === undefined) continue;
      try {
        const included = await this.#read(resolve(file), file, this.#folder);
        document.includes.set(route, included);
        await this.#include(included, [...above, real]);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.broken.push(error);
      }
    }
  }

  async #mayInclude(
    path: string,
    written: string,
    above: readonly string[],
    origin: Origin,
  ): Promise<string | undefined> {
    const { findings } = this;
    this.#files.add(path);
    let real: string;
    try {
      real = await realpath(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "?";
      findings.add(
        origin,
        `the file ${written} cannot be read (${code})`,
        "its path begins at the file that it is written in",
      );
      return undefined;
    }
    if (above.includes(real)) {
      findings.add(
        origin,
        `the file ${written} includes itself, by way of ${above.length} files`,
        "break the circle",
      );
      return undefined;
    }
    if (this.#folder !== undefined && isOutside(this.#folder, real)) {
      findings.add(
        origin,
        `the file ${written} lies outside the folder of the main config`,
        "move it below that folder",
      );
      return undefined;
    }
    return real;
  }
}

/** The routes of a document that include a file, and where they stand. */
export function includesIn(value: unknown): { route: WrittenMap; path: readonly PropertyKey[] }[] {
  const found: { route: WrittenMap; path: readonly PropertyKey[] }[] = [];
  const visit = (holder: WrittenMap, path: readonly PropertyKey[]): void => {
    for (const [i, route] of mapsOf(holder["routes"])) {
      const at = [...path, "routes", i];
      if (typeof route["include"] === "string" && route["include"] !== "") found.push({ route, path: at });
      if (route["routes"] !== undefined) visit(route, at);
    }
  };
  if (isMap(value)) visit(value, []);
  return found;
}
