/** Configs with many routes of all kinds, and the requests that reach them (bench/load/many-routes.lua makes the same). */

/** Routes by number; `edition` stands in each one's policy, so that another edition is a change of all of them. */
export function manyRoutes(count: number, edition: string, service: string): object[] {
  return Array.from({ length: count }, (_, index) => manyRoute(index, edition, service));
}

/** One of them: exact path, path with a parameter, prefix, and prefix below a wildcard host, in turn. */
export function manyRoute(index: number, edition: string, service: string): object {
  const host = index % 4 === 3 ? `*.w${index % 100}.example` : `h${index % 100}.example`;
  const path = [`/exact/${index}`, `/items${index}/{id}/edit`, `/prefix${index}/*`, `/wild${index}/*`][
    index % 4
  ]!;
  return {
    name: `route-${index}`,
    match: { host: [host], path },
    service,
    rewrite: { path: "/small" },
    policies: [{ headers: { request: { set: { "x-edition": `${index}-${edition}` } } } }],
  };
}
