import type { Findings } from "./findings.ts";
import type { Origin } from "./problem.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Checks what services are used for: HTTP by routes, bytes by TCP listeners; and how they are spoken to. */
export function checkServices(config: Config, file: string, problems: Findings, warnings: Findings): void {
  const placeOf = (name: string): Origin =>
    config.services[name]?.origin ?? { file, path: ["services", name] };
  for (const [name, service] of Object.entries(config.services))
    checkService(service, placeOf(name), problems, warnings);
  for (const route of config.routes)
    for (const [i, { service }] of route.split.entries()) {
      const endpoints = config.services[service]?.endpoints ?? [];
      if (!endpoints.some(({ scheme }) => scheme === "tcp")) continue;
      const { file: where, path } = route.origin;
      const last = route.split.length > 1 ? ["split", i, "service"] : ["service"];
      problems.add(
        { file: where, path: [...path, ...last] },
        `the service ${JSON.stringify(service)} has endpoints that are no HTTP: tcp://`,
        "write http:// or https:// there, or lead a listener to it: tcp: { service: … }",
      );
    }
}

function checkService(
  { endpoints, tls, protocol }: ServiceConfig,
  { file, path }: Origin,
  problems: Findings,
  warnings: Findings,
): void {
  const at = (...more: PropertyKey[]): Origin => ({ file, path: [...path, ...more] });
  const tcp = endpoints.findIndex(({ scheme }) => scheme === "tcp");
  if (tcp !== -1 && endpoints.some(({ scheme }) => scheme !== "tcp" && scheme !== "unix"))
    problems.add(
      at("endpoints", tcp),
      "tcp:// and HTTP endpoints stand in one service",
      "make two services of them",
    );
  const h2c = endpoints.findIndex(({ scheme }) => scheme === "h2c");
  if (protocol === "http1" && h2c !== -1)
    problems.add(
      at("endpoints", h2c),
      "h2c:// is HTTP/2, and protocol is http1",
      "write http://, or leave protocol out",
    );
  if (tls === undefined) return;
  if (!endpoints.some(({ scheme }) => scheme === "https"))
    problems.add(at("tls"), "no endpoint is https://", "write https:// endpoints, or remove tls", "key");
  if (tls.serverName !== undefined && /^[*[]/.test(tls.serverName))
    problems.add(
      at("tls", "serverName"),
      "is not the name of one host",
      "write a name such as orders.internal",
    );
  if (!tls.verify && tls.pins.length === 0)
    warnings.add(
      at("tls", "verify"),
      "the service's certificate is not checked: whoever is in between can read and change everything",
      "name its CA in tls.ca, or its key in tls.pins",
    );
}
