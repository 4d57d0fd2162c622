import { readFile } from "node:fs/promises";
import { acmeTokenFile, CHALLENGE_PATH } from "../config/acme-files.ts";
import type { Config } from "../config/schema.ts";
import { Reply } from "../lib/reply.ts";

/** Answers a CA's HTTP-01 challenges (RFC 8555 §8.3) from the folders where this gateway, or one that shares them, has put the answers. */
export class AcmeChallenges {
  readonly #folders: readonly string[];

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** Of a config; undefined where none of its listeners asks for certificates by HTTP-01. */
  static of({ listeners }: Config): AcmeChallenges | undefined {
    const folders = listeners.flatMap(({ tls }) =>
      tls?.acme?.challenge === "http-01" ? [tls.acme.storage] : [],
    );
    return folders.length === 0 ? undefined : new AcmeChallenges([...new Set(folders)]);
  }

  /** The answer; undefined where the token is not ours: a service behind this gateway may know it. */
  async answer(path: string): Promise<Reply | undefined> {
    const token = path.slice(CHALLENGE_PATH.length);
    for (const folder of this.#folders) {
      const file = acmeTokenFile(folder, token);
      if (file === undefined) return undefined;
      const text = await readFile(file, "latin1").catch(() => undefined);
      if (text !== undefined)
        return Reply.text(200, text, {
          "content-type": "application/octet-stream",
          "cache-control": "no-store",
        });
    }
    return undefined;
  }
}

/** Whether a path is one that a CA asks for. */
export function isChallenge(path: string): boolean {
  return path.startsWith(CHALLENGE_PATH);
}
