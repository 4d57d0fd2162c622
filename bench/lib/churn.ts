/** An order to bench/load/churn.ts: go at this port, or stop and tell. */
export type ChurnOrder = { readonly port: number; readonly atOnce: number } | "stop";

/** Its answer; to the first order as soon as one request is answered. */
export interface ChurnAnswer {
  /** Connections that gave a whole answer. */
  readonly answered: number;
  /** Connections that did not, by what happened. */
  readonly lost: Readonly<Record<string, number>>;
}
