import type { Config } from "../config/schema.ts";
import type { EndpointPool } from "../http/client-contract.ts";
import type { ReadMode } from "../http/transport.ts";
import type { LineTargets, Meter, Sink } from "../pipeline/ports.ts";
import type { RouteState } from "../pipeline/route.ts";
import { type CompiledSnapshot, compileInSlices, compileSnapshot, type SnapshotParts } from "./compile.ts";
import { closePolicies, type PolicyCatalog } from "./compile-policies.ts";
import type { PolicyPorts } from "./policy-ports.ts";
import { Pools } from "./pools.ts";
import { RouteStates } from "./route-states.ts";
import { SlotNumbers } from "./slot-numbers.ts";
import { releaseTunnels } from "./tunnels.ts";

/** What snapshots of one thread share. */
export interface SnapshotsOptions {
  readonly mode: ReadMode;
  readonly meter: Meter;
  readonly sink: Sink;
  /** Where logs are written; default: nowhere. */
  readonly lines?: LineTargets;
  /** What else policies reach the outside through; default: they lead nowhere. */
  readonly ports?: PolicyPorts;
}

/**
 * The snapshots of one thread: the one that serves, and those before it that still have exchanges. What a snapshot alone
 * used ends with its last exchange.
 */
export class Snapshots {
  readonly #parts: Omit<SnapshotParts, "catalog">;
  readonly #pools: Pools;
  readonly #states = new RouteStates();
  readonly #slots = new SlotNumbers();
  /** Replaced, but still in use. */
  readonly #old = new Set<CompiledSnapshot>();
  /** Prepared, not serving yet. */
  readonly #prepared = new Set<CompiledSnapshot>();
  #preparing = 0;
  #waiting: { readonly waited: Set<CompiledSnapshot>; readonly fn: () => void }[] = [];
  #current: CompiledSnapshot | undefined = undefined;

  constructor({ mode, meter, sink, lines, ports }: SnapshotsOptions) {
    this.#pools = new Pools(mode);
    this.#parts = {
      pools: this.#pools,
      states: this.#states,
      slots: this.#slots,
      meter,
      sink,
      ...(lines && { lines }),
      ...(ports && { ports }),
    };
  }

  /** The snapshot that serves; before the first one does, the one that is ready: sockets accept as soon as they listen. */
  get current(): CompiledSnapshot {
    return this.#current ?? this.#prepared.values().next().value!;
  }

  /** Whether a config is in force. */
  get serves(): boolean {
    return this.#current !== undefined;
  }

  /** Open connections to services. */
  get connections(): number {
    return this.#pools.connections;
  }

  /** Exchanges that are not over; questions of the gateway's own are none. */
  get exchanges(): number {
    let sum = 0;
    for (const { use } of [...(this.#current ? [this.#current] : []), ...this.#old])
      sum += use.exchanges - use.calls;
    return sum;
  }

  /** Snapshots that were replaced and still have exchanges. */
  get draining(): number {
    return this.#old.size;
  }

  /** Calls `fn` once no snapshot before the one that serves now has exchanges. */
  whenOldAreGone(fn: () => void): void {
    const waited = new Set(this.#old);
    if (waited.size === 0) fn();
    else this.#waiting.push({ waited, fn });
  }

  /** Builds the next snapshot beside the one that serves, in small slices of time. Throws a ConfigError. */
  async prepare(config: Config, catalog: PolicyCatalog): Promise<CompiledSnapshot> {
    this.#preparing++;
    try {
      const next = await compileInSlices(config, { ...this.#parts, catalog }, this.#current);
      this.#prepared.add(next);
      return next;
    } finally {
      this.#preparing--;
      this.#tidy();
    }
  }

  /** Builds the first snapshot at once. Throws a ConfigError. */
  first(config: Config, catalog: PolicyCatalog): void {
    this.commit(compileSnapshot(config, { ...this.#parts, catalog }));
  }

  /** From now on this one serves what begins. */
  commit(next: CompiledSnapshot): void {
    const before = this.#current;
    this.#current = next;
    this.#prepared.delete(next);
    if (before === undefined) return;
    this.#old.add(before);
    for (const one of this.#old) releaseTunnels(one, next);
    before.use.whenUnused = () => this.#retire(before);
    if (before.use.exchanges === 0) this.#retire(before);
    else this.#tidy();
  }

  /** A prepared snapshot will not serve. */
  discard(next: CompiledSnapshot): void {
    this.#prepared.delete(next);
    this.#tidy(next);
  }

  #retire(snapshot: CompiledSnapshot): void {
    if (!this.#old.delete(snapshot)) return;
    snapshot.use.whenUnused = undefined;
    this.#tidy(snapshot);
    for (const { waited } of this.#waiting) waited.delete(snapshot);
    const gone = this.#waiting.filter(({ waited }) => waited.size === 0);
    this.#waiting = this.#waiting.filter(({ waited }) => waited.size > 0);
    for (const { fn } of gone) fn();
  }

  /** Ends what no snapshot uses any more. */
  #tidy(gone?: CompiledSnapshot): void {
    const living = [...(this.#current ? [this.#current] : []), ...this.#old, ...this.#prepared];
    if (gone !== undefined) {
      const policies = new Set(living.flatMap(({ policies: own }) => [...own]));
      closePolicies(gone.policies.difference(policies), this.#slots);
    }
    // What is being built has pools and states that no snapshot shows yet.
    if (this.#preparing > 0) return;
    const pools = new Set<EndpointPool>();
    const states = new Set<RouteState>();
    for (const { services, routes, notFound, refused } of living) {
      states.add(refused.state);
      for (const { service } of services.values()) for (const { pool } of service.endpoints) pools.add(pool);
      for (const route of [...routes.values(), notFound]) for (const state of route.states) states.add(state);
    }
    this.#pools.keepOnly(pools);
    this.#states.keepOnly(states);
  }

  /** Closes pools and policies. */
  close(): void {
    this.#pools.close();
    if (this.#current !== undefined) closePolicies(this.#current.policies, this.#slots);
  }
}
