/** An order to bench/load/slow-senders.ts: attack, or say how it went. */
export type SlowOrder = { readonly port: number; readonly connections: number } | "report";

/** Its answer: to the first order when every sender has been connected, to "report" at once. */
export interface SlowAnswer {
  /** Connections that are open now. */
  readonly open: number;
  /** Connections that the proxy has closed, each replaced at once. */
  readonly closed: number;
  /** Connections that could not be made. */
  readonly refused: number;
}
