/** A real gateway in this process, on real sockets, from a config as it would be written in YAML. */
import type { Gateway } from "../../src/supervisor/gateway.ts";
import { startGateway as start } from "../../src/supervisor/start-gateway.ts";

export interface TestGateway {
  readonly gateway: Gateway;
  /** The port that the named listener took; the first listener's without a name. */
  port(listener?: string): number;
  /** Stops it: what is in flight is answered first, at most for `graceMs` (default 1,000). */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts a gateway. `listeners` may be left out: one on 127.0.0.1 with a port of the system's choice is added.
 * The way of reading sockets follows TORANA_READ_MODE (onread, data, auto).
 */
export async function startGateway(config: object): Promise<TestGateway> {
  const whole = { listeners: [{ name: "test", address: "127.0.0.1:0" }], ...config };
  const gateway = await start(whole);
  return {
    gateway,
    port: (listener) => gateway.port(listener),
    stop: (graceMs = 1_000) => gateway.stop(graceMs),
  };
}

/** How many requests or connections the wire refused for this reason, on all listeners. */
export function refusals({ gateway }: TestGateway, reason: string): number {
  const series = gateway.counts().of("refused");
  return series.reduce((sum, { labels, values }) => (labels.reason === reason ? sum + values[0]! : sum), 0);
}
