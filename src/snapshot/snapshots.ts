import type { Config } from "../config/schema.ts";
import type { Pool } from "../http/pool.ts";
import type { ReadMode } from "../http/transport.ts";
import type { Meter, Sink } from "../pipeline/ports.ts";
import type { RouteState } from "../pipeline/route.ts";
import { type CompiledSnapshot, compileInSlices, compileSnapshot, type SnapshotParts } from "./compile.ts";
import { type CompiledPolicy, closePolicies, type PolicyCatalog } from "./compile-policies.ts";
import { Pools } from "./pools.ts";
import { RouteStates } from "./route-states.ts";
import { SlotNumbers } from "./slot-numbers.ts";

/** What snapshots of one thread share. */
export interface SnapshotsOptions {
  readonly mode: ReadMode;
  readonly meter: Meter;
  readonly sink: Sink;
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
  #current: CompiledSnapshot | undefined = undefined;

  constructor({ mode, meter, sink }: SnapshotsOptions) {
    this.#pools = new Pools(mode);
    this.#parts = { pools: this.#pools, states: this.#states, slots: this.#slots, meter, sink };
  }

  /** The snapshot that serves. */
  get current(): CompiledSnapshot {
    return this.#current!;
  }

  /** Open connections to services. */
  get connections(): number {
    return this.#pools.connections;
  }

  /** Snapshots that were replaced and still have exchanges. */
  get draining(): number {
    return this.#old.size;
  }

  /** Builds the next snapshot beside the one that serves, in small slices of time. Throws a ConfigError. */
  async prepare(config: Config, catalog: PolicyCatalog): Promise<CompiledSnapshot> {
    const next = await compileInSlices(config, { ...this.#parts, catalog }, this.#current);
    this.#prepared.add(next);
    return next;
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
  }

  /** Ends what no snapshot uses any more. */
  #tidy(gone?: CompiledSnapshot): void {
    const living = [this.#current!, ...this.#old, ...this.#prepared];
    const pools = new Set<Pool>();
    const states = new Set<RouteState>();
    const policies = new Set<CompiledPolicy>();
    for (const { services, routes, notFound, policies: own } of living) {
      for (const { service } of services.values()) for (const { pool } of service.endpoints) pools.add(pool);
      for (const route of [...routes.values(), notFound]) for (const state of route.states) states.add(state);
      for (const policy of own) policies.add(policy);
    }
    this.#pools.keepOnly(pools);
    this.#states.keepOnly(states);
    if (gone !== undefined) closePolicies(gone.policies.difference(policies), this.#slots);
  }

  /** Closes pools and policies. */
  close(): void {
    this.#pools.close();
    closePolicies(this.current.policies, this.#slots);
  }
}
