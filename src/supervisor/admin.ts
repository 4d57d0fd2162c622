import type { AdminServer } from "../admin/server.ts";
import type { AdminSource } from "../admin/source.ts";
import type { ListenAddress } from "../config/values.ts";
import { Turns } from "./turns.ts";

/** The admin endpoints where the config wants them: they follow it when the address changes. */
export class Admin {
  readonly #source: AdminSource;
  readonly #log: (line: string) => void;
  #server: AdminServer | undefined = undefined;
  #address: ListenAddress | undefined = undefined;
  readonly #turns = new Turns();

  constructor(source: AdminSource, log: (line: string) => void) {
    this.#source = source;
    this.#log = log;
  }

  /** Moves to an address, or ends. Rejects where the address cannot be had; then it stays where it was. */
  moveTo(address: ListenAddress | undefined): Promise<void> {
    return this.#turns.take(() => this.#moveTo(address));
  }

  async #moveTo(address: ListenAddress | undefined): Promise<void> {
    if (JSON.stringify(address) === JSON.stringify(this.#address)) return;
    const before = this.#server;
    this.#server = address === undefined ? undefined : await this.#start(address);
    this.#address = address;
    await before?.close();
  }

  /** What serves them is loaded only where a config wants them. */
  async #start(address: ListenAddress): Promise<AdminServer> {
    const { startAdmin } = await import("../admin/server.ts");
    return await startAdmin({ address, source: this.#source, log: this.#log });
  }

  get port(): number | undefined {
    return this.#server?.port;
  }

  /** Lets go of the address. */
  close(): Promise<void> {
    return this.moveTo(undefined);
  }
}
