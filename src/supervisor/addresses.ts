import { createServer } from "node:net";
import type { Config, ListenerConfig } from "../config/schema.ts";
import type { ListenAddress } from "../config/values.ts";

/** An address that cannot be had; the message says which, why, and what to do. */
export class AddressError extends Error {}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "is taken by another program; stop that one, choose another address, or take over from a running torana with --takeover",
  EACCES: "is not allowed; ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)",
  EADDRNOTAVAIL: "is not an address of this machine",
};

/**
 * Finds out whether an address is free, and the port where the system chooses it. Workers share their ports with whoever
 * else asks to: without this look, a second process would silently get a part of the first one's traffic.
 * Throws an AddressError.
 */
export async function probe(name: string, { host, port }: ListenAddress): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host, port, exclusive: true }, resolve);
    });
    return (server.address() as { port: number }).port;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    throw new AddressError(
      `the address ${address} of the listener ${name} ${REASONS[code] ?? `fails: ${code}`}`,
    );
  } finally {
    if (server.listening) await new Promise((closed) => server.close(closed));
  }
}

const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** The addresses that workers listen on: each looked at once, ports that the system chose kept from reload to reload. */
export class Addresses {
  /** By the name and address as written. */
  #settled = new Map<string, number>();
  /** Those of a config that is not in force yet. */
  #next = this.#settled;

  /** Takes ports over from a process that is followed: they are not looked at, being taken. */
  inherit(ports: Readonly<Record<string, number>>): void {
    this.#settled = new Map(Object.entries(ports));
  }

  /** Gives every listener the port that it will have, once `accept` is called. Throws an AddressError. */
  async settle(listeners: Config["listeners"]): Promise<ListenerConfig[]> {
    const settled = new Map<string, number>();
    const result: ListenerConfig[] = [];
    for (const listener of listeners) {
      const { name, address } = listener;
      if (address.socket !== undefined) {
        result.push(listener);
        continue;
      }
      const key = keyOf(name, address);
      const port =
        this.#settled.get(key) ?? (this.#ours(address) ? address.port : await probe(name, address));
      settled.set(key, port);
      result.push({ ...listener, address: { ...address, port } });
    }
    this.#next = settled;
    return result;
  }

  /** The listeners that were settled last are in force. */
  accept(): void {
    this.#settled = this.#next;
  }

  /** Whether a listener of this process stands there: under another name, or as a part of a wildcard address. */
  #ours({ host, port }: ListenAddress): boolean {
    if (port === 0) return false;
    return [...this.#settled].some(([key, settled]) => {
      const there = key.split(" ")[1]!;
      return settled === port && (there === host || WILDCARDS.includes(there) || WILDCARDS.includes(host));
    });
  }

  get settled(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#settled);
  }
}

function keyOf(name: string, { host, port }: ListenAddress): string {
  return `${name} ${host} ${port}`;
}
