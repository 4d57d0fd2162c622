/** Values by host: an exact name goes before `*.name`. */
export class HostTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #below = new Map<string, T>();
  /** `*.name` covers one label (certificates, RFC 6125 §6.4.3) or any number of them. */
  readonly #deep: boolean;

  constructor(deep: boolean) {
    this.#deep = deep;
  }

  /** Notes a value for a host or `*.name`; the first one stays. */
  add(host: string, value: T): void {
    const [table, name] = host.startsWith("*.") ? [this.#below, host.slice(2)] : [this.#exact, host];
    if (!table.has(name)) table.set(name, value);
  }

  /** The value for a host in lower case. */
  get(host: string): T | undefined {
    const exact = this.#exact.get(host);
    if (exact !== undefined || this.#below.size === 0) return exact;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const found = this.#below.get(host.slice(dot + 1));
      if (found !== undefined || !this.#deep) return found;
    }
    return undefined;
  }

  /** Every host that was added. */
  get hosts(): string[] {
    return [...this.#exact.keys(), ...[...this.#below.keys()].map((name) => `*.${name}`)];
  }
}
