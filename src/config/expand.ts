import type { RouteConfig, SplitConfig, WrittenRoute } from "./route-schema.ts";

/** One list of routes, in the order in which they are written. */
export function expandRoutes(routes: readonly WrittenRoute[], file: string): RouteConfig[] {
  return routes.map((route, i) => plain(route, file, ["routes", i]));
}

function plain(written: WrittenRoute, file: string, path: readonly PropertyKey[]): RouteConfig {
  const { service: _service, routes: _routes, include: _include, ...route } = written;
  return { ...route, split: splitOf(written), origin: { file, path } };
}

function splitOf({ service, split }: WrittenRoute): readonly SplitConfig[] {
  return service === undefined ? split : [{ service, weight: 1, policies: [] }];
}
