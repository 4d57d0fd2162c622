import type { CompiledRoute } from "./compile-route.ts";

/** Where each route stands among the others: a number that grows in the order in which they are written. */
export interface Positions extends ReadonlyMap<object, number> {
  /** Routes that were there before have new numbers. */
  readonly renumbered: boolean;
}

/**
 * Gives every route its position. Routes that were there before keep theirs, new ones get a number between their
 * neighbours: so a route more in the midst changes none of the others. Where that cannot be, all are numbered anew.
 */
export function positionsOf(
  routes: readonly object[],
  before: ReadonlyMap<object, CompiledRoute> | undefined,
): Positions {
  const kept = before === undefined ? undefined : keeping(routes, before);
  if (kept !== undefined) return Object.assign(kept, { renumbered: false });
  return Object.assign(new Map(routes.map((route, i) => [route, i])), { renumbered: true });
}

function keeping(
  routes: readonly object[],
  before: ReadonlyMap<object, CompiledRoute>,
): Map<object, number> | undefined {
  const positions = new Map<object, number>();
  let last: number | undefined;
  for (let from = 0; from < routes.length; ) {
    let to = from;
    while (to < routes.length && !before.has(routes[to]!)) to++;
    const next = to === routes.length ? undefined : before.get(routes[to]!)!.entry.position;
    if (next !== undefined && last !== undefined && next <= last) return undefined;
    const count = to - from;
    const low: number = last ?? (next ?? 0) - count - 1;
    const step = next === undefined ? 1 : (next - low) / (count + 1);
    for (let i = 1; i <= count; i++) {
      const position: number = low + step * i;
      // Midpoints of midpoints run out of digits.
      if (position <= (last ?? low) || (next !== undefined && position >= next)) return undefined;
      positions.set(routes[from + i - 1]!, position);
      last = position;
    }
    if (next !== undefined) {
      positions.set(routes[to]!, next);
      last = next;
    }
    from = to + 1;
  }
  return positions;
}
