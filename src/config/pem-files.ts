import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PemProblem } from "./check-certificate.ts";
import type { Documents } from "./documents.ts";
import { isPemText } from "./pem-blocks.ts";
import type { Origin } from "./problem.ts";
import { isOutside } from "./substitute.ts";

/** Bytes of a file with certificates at most: bundles of CAs are the largest. */
const MAX_FILE = 4 * 1_048_576;
/** A file that changed so shortly ago may be one of several that are being replaced, in milliseconds. */
const YOUNG = 1_500;

/** Reads the files that `tls` names: they are watched from then on, and what is wrong with them is told at their place. */
export class PemFiles {
  readonly #documents: Documents;
  readonly #mainFile: string;
  readonly #now: number;
  #young = false;
  /** How much was found to be wrong. */
  wrong = 0;

  /** @param now milliseconds since 1970 */
  constructor(documents: Documents, mainFile: string, now: number) {
    this.#documents = documents;
    this.#mainFile = mainFile;
    this.#now = now;
  }

  /** Something is wrong that may be right in a moment: files are being replaced. */
  get unsettled(): boolean {
    return this.#young && this.wrong > 0;
  }

  /** PEM text: as it is written, or that of the file that is named. */
  text(written: string, at: Origin): string | undefined {
    return isPemText(written) ? written : this.bytes(written, at)?.toString("latin1");
  }

  /** What a file holds; undefined where it cannot be read, which is told. */
  bytes(written: string, at: Origin): Buffer | undefined {
    const file = resolve(dirname(at.file), written);
    const { folder } = this.#documents;
    this.#documents.noteFile(file);
    const refuse = (reason: string, cure: string): undefined =>
      this.add(at, `${named(written)} ${reason}`, cure);
    try {
      const real = realpathSync(file);
      if (folder !== undefined && at.file !== this.#mainFile && isOutside(folder, real))
        return refuse(
          "lies outside the folder of the main config",
          "an included file reads only what lies below that folder",
        );
      const stat = statSync(real);
      if (!stat.isFile()) return refuse("is not a plain file", "name the file itself");
      if (stat.size > MAX_FILE)
        return refuse("is larger than 4 MiB", "name a file with certificates or a key");
      if (this.#now - stat.ctimeMs < YOUNG) this.#young = true;
      return readFileSync(real);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "?";
      return refuse(
        `cannot be read (${code})`,
        code === "EACCES" ? "let this user read it" : "make it; its path begins at the config file",
      );
    }
  }

  /** What a check gives; undefined where it found something, which is told. `name` is what it was about. */
  take<T>(result: T | PemProblem, name: string, at: Origin): T | undefined {
    if (!(result instanceof PemProblem)) return result;
    return this.add(at, `${name} ${result.reason}`, result.cure);
  }

  /** Tells what is wrong. */
  add(at: Origin, reason: string, cure: string): undefined {
    this.wrong++;
    this.#documents.findings.add(at, reason, cure);
    return undefined;
  }
}

/** How a value is called in a problem: never by its content. */
export function named(written: string): string {
  if (isPemText(written) || octetsOf(written) !== undefined) return "the text here";
  return `the file ${written.length > 200 ? `${written.slice(0, 200)}…` : written}`;
}

/** 48 octets that are written in base64. */
export function octetsOf(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]{64}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}
