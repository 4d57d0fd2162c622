import type { Exchange } from "../pipeline/exchange.ts";
import type { CompiledSnapshot } from "./compile.ts";
import type { CompiledRoute } from "./compile-route.ts";

/** For so long a tunnel may stay after its client was told to go, in milliseconds. */
const LEAVES = 2_000;

/**
 * Tells the tunnels of a snapshot to go whose routes the next one changes or lacks: each as its route wanted it when it was
 * opened. Those that are kept are asked about again at the next change.
 */
export function releaseTunnels(before: CompiledSnapshot, next: CompiledSnapshot): void {
  if (before.tunnels.size === 0) return;
  const written = new Map(before.config.routes.map((route) => [route.name, route]));
  for (const x of before.tunnels) {
    const route = written.get(x.route.name);
    if (route === undefined || route.tunnels === "keep") continue;
    if (isSame(before.routes.get(route)!, next.routes.get(route))) continue;
    before.tunnels.delete(x);
    if (route.tunnels === "close") x.downstream.goAway(LEAVES);
    else goAwayLater(x, route.tunnels.drain);
  }
}

function goAwayLater(x: Exchange, ms: number): void {
  const timer = setTimeout(() => x.downstream.goAway(LEAVES), ms);
  timer.unref();
  x.onEnd(() => clearTimeout(timer));
}

/** Whether nothing that the route does has changed; its place among the others does not matter. */
function isSame(before: CompiledRoute, now: CompiledRoute | undefined): boolean {
  if (now === undefined) return false;
  return sameAll(before.policies, now.policies) && sameAll(before.services, now.services);
}

function sameAll(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
