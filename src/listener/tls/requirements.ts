import { hash } from "node:crypto";
import type { ClientsConfig } from "../../config/tls-schema.ts";

/** What is asked of clients' certificates at some hosts. */
export interface Requirement {
  readonly verify: "none" | "optional" | "required";
  readonly ca: string | undefined;
  readonly crl: string | undefined;
  /** The same for the same demands; empty for none. */
  readonly id: string;
}

export const NO_REQUIREMENT: Requirement = Object.freeze({
  verify: "none",
  ca: undefined,
  crl: undefined,
  id: "",
});

/** Which host asks what of its clients: the first entry that fits. A name without its own is held to `*.name` at any depth. */
export class Requirements {
  readonly #entries: readonly { readonly hosts: readonly string[]; readonly asked: Requirement }[];
  readonly #known = new Map<string, Requirement>();

  constructor(clients: readonly ClientsConfig[]) {
    this.#entries = clients.map(({ hosts, verify, ca, crl }) => ({
      hosts,
      asked: Object.freeze({
        verify,
        ca,
        crl,
        id: hash("sha256", JSON.stringify([verify, ca, crl]), "base64url"),
      }),
    }));
  }

  /** Nothing is asked anywhere. */
  get none(): boolean {
    return this.#entries.length === 0;
  }

  /** All hosts ask the same. */
  get uniform(): boolean {
    return this.none || this.#entries[0]!.hosts.length === 0;
  }

  /** Hosts that are named. */
  get hosts(): string[] {
    return this.#entries.flatMap(({ hosts }) => hosts);
  }

  /** What a host asks, by its name in lower case without port and root's dot; empty for a client that names none. */
  of(host: string): Requirement {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const found = this.#entries.find(
      ({ hosts }) => hosts.length === 0 || hosts.some((one) => covers(one, host)),
    );
    const asked = found?.asked ?? NO_REQUIREMENT;
    // Names come from clients.
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(host, asked);
    return asked;
  }
}

const KNOWN_MAX = 1_000;

function covers(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** A host as requirements know it, of the authority of a request. */
export function requirementHost(authority: string): string {
  const host = authority.toLowerCase().replace(/:[0-9]*$/, "");
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
