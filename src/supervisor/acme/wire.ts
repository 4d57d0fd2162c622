import type * as library from "acme-client";
import { askCa } from "./ask-ca.ts";

/** The library that speaks ACME, as this gateway uses it. */
export type AcmeLibrary = typeof library;

let loaded: Promise<AcmeLibrary> | undefined;

/** The library, whose requests go out by our own hands; loaded only where a config asks for ACME. */
async function acmeLibrary(): Promise<AcmeLibrary> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<AcmeLibrary> {
  const acme = await import("acme-client");
  acme.axios.defaults.adapter = async (config) => {
    const { url = "", method = "get", data } = config;
    const answer = await askCa(
      url,
      method,
      config.headers.toJSON() as Record<string, string>,
      data as string,
    );
    // Every status is handed on: the library knows which it expects, and what is tried again is decided above it.
    return { ...answer, statusText: "", config };
  };
  return acme;
}

/** A client for one CA. */
export async function acmeClient(options: library.ClientOptions): Promise<library.Client> {
  const { Client } = await acmeLibrary();
  return new Client(options);
}
