/** An order to bench/load/idle-clients.ts. */
export interface IdleOrder {
  readonly port: number;
  readonly request: string;
  /** Connections to hold in all; those that are open already count. */
  readonly connections: number;
  /** Seconds of light traffic over them before the answer. */
  readonly rippleSeconds: number;
}

/** Its answer. */
export interface IdleAnswer {
  readonly held: number;
  readonly problems: Readonly<Record<string, number>>;
}
