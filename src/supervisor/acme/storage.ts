import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  acmeAccountFile,
  acmeAlpnFile,
  acmeCertificateFile,
  acmeTokenFile,
} from "../../config/acme-files.ts";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { FileLock } from "./file-lock.ts";

/** The account at a CA: its key as PEM text, and its address there. */
export interface AcmeAccount {
  readonly key: string;
  readonly url: string;
}

/** What gateways keep in a folder that they may share: account, certificates, answers to challenges, locks. Keys are 0600. */
export class AcmeStorage {
  readonly #acme: AcmeConfig;

  constructor(acme: AcmeConfig) {
    this.#acme = acme;
  }

  /** The file with the certificate. */
  get file(): string {
    return acmeCertificateFile(this.#acme);
  }

  async readAccount(): Promise<AcmeAccount | undefined> {
    const text = await readIfThere(acmeAccountFile(this.#acme));
    if (text === undefined) return undefined;
    const { key, url } = JSON.parse(text) as Partial<AcmeAccount>;
    return typeof key === "string" && typeof url === "string" ? { key, url } : undefined;
  }

  /** Keeps an account; where another gateway was faster, gives that one's. */
  async keepAccount(account: AcmeAccount): Promise<AcmeAccount> {
    const file = acmeAccountFile(this.#acme);
    const text = JSON.stringify({ directory: this.#acme.directory, ...account }, undefined, 2);
    const kept = await writeAside(file, text, async (beside) => {
      try {
        await link(beside, file);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        return false;
      } finally {
        await unlink(beside);
      }
    });
    return kept ? account : ((await this.readAccount()) ?? account);
  }

  /** Forgets an account that the CA does not know any more. */
  async dropAccount(): Promise<void> {
    await rm(acmeAccountFile(this.#acme), { force: true });
  }

  /** The certificate, its chain and its key, as one PEM text; undefined where there is none. */
  readCertificate(): Promise<string | undefined> {
    return readIfThere(this.file);
  }

  async keepCertificate(pem: string): Promise<void> {
    await replace(this.file, pem);
  }

  /** Has a challenge answered by all gateways of this folder; gives what ends that. */
  async answer(
    what: { token: string; text: string } | { host: string; pem: string },
  ): Promise<() => Promise<void>> {
    const { storage } = this.#acme;
    const [file, text] =
      "token" in what
        ? [acmeTokenFile(storage, what.token), what.text]
        : [acmeAlpnFile(storage, what.host), what.pem];
    if (file === undefined) throw new Error("the CA's challenge has no valid token");
    await replace(file, text);
    return () => rm(file, { force: true });
  }

  /** Takes the lock of the certificate; undefined where another gateway has it. */
  async lock(): Promise<FileLock | undefined> {
    await mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
    return FileLock.take(`${this.file}.lock`);
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function replace(file: string, text: string): Promise<void> {
  await writeAside(file, text, (beside) => rename(beside, file));
}

/** Writes a file beside another, on the disk for sure, and has it put in place: nobody ever sees half of it. */
async function writeAside<T>(file: string, text: string, place: (beside: string) => Promise<T>): Promise<T> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = join(folder, `.${randomBytes(8).toString("hex")}.new`);
  try {
    await writeNew(beside, text);
    return await place(beside);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Closes it whatever happens: Node ends the process over a file that is left open. */
async function writeNew(file: string, text: string): Promise<void> {
  await using handle = await open(file, "wx", 0o600);
  await handle.writeFile(text);
  await handle.sync();
}
