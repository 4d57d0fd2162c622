import type { Findings } from "../config/findings.ts";
import type { CompiledSnapshot } from "./compile.ts";

/** Finds routes that no request can reach: as a whole they are refused; where some of their conditions are, it is a warning. */
export function findShadowed(
  { router, routes }: CompiledSnapshot,
  problems: Findings,
  warnings: Findings,
): void {
  const found = router.shadows();
  if (found.length === 0) return;
  const written = new Map([...routes].map(([route, { entry }]) => [entry as object, route as WrittenRoute]));
  for (const [hidden, shadows] of Map.groupBy(found, (shadow) => shadow.hidden)) {
    const route = written.get(hidden);
    if (route === undefined) continue;
    const names = [...new Set(shadows.map(({ by }) => JSON.stringify(by.route.name)))].join(", ");
    const whole = new Set(shadows.map(({ matchIndex }) => matchIndex)).size >= hidden.match.length;
    if (whole)
      problems.add(route.origin, `no request reaches this route: ${names} takes all that it would`, CURE);
    else
      for (const { matchIndex, by } of shadows)
        warnings.add(
          { file: route.origin.file, path: [...route.origin.path, "match", matchIndex] },
          `no request reaches these conditions: ${JSON.stringify(by.route.name)} takes all that they would`,
          CURE,
        );
  }
}

type WrittenRoute = CompiledSnapshot["config"]["routes"][number];

const CURE = "remove it, or narrow the other, or give this one a greater priority";
