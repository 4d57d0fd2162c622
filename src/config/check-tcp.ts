import { isIP } from "node:net";
import type { ConfigDocument } from "./documents.ts";
import type { Findings } from "./findings.ts";
import { nearest } from "./nearest.ts";
import type { Origin } from "./problem.ts";
import type { ServiceScope } from "./service-scope.ts";
import { isMap, mapsOf, type WrittenMap } from "./written.ts";

/** What a listener that leads bytes on cannot have beside: it reads no HTTP. */
const EXCLUDED: readonly string[] = ["http2", "redirectToHttps"];

/** Checks the listeners that lead connections on byte by byte, and that their services are there and can be spoken to so. */
export function checkTcp({ file, value }: ConfigDocument, services: ServiceScope, findings: Findings): void {
  if (!isMap(value)) return;
  const written = isMap(value["services"]) ? value["services"] : {};
  for (const [i, listener] of mapsOf(value["listeners"])) {
    const { tcp } = listener;
    if (!isMap(tcp)) continue;
    const at = (...more: PropertyKey[]): Origin => ({ file, path: ["listeners", i, ...more] });
    for (const key of EXCLUDED)
      if (listener[key] !== undefined && listener[key] !== false)
        findings.add(at(key), `${key} and tcp exclude each other`, "write one of them", "key");
    checkKeys(tcp, listener["tls"], findings, at("tcp"));
    if (isMap(listener["tls"]) && listener["tls"]["hsts"] !== undefined)
      findings.add(at("tls", "hsts"), "hsts and tcp exclude each other", "write one of them", "key");
    checkClients(listener["tls"], findings, at("tls", "clients"));
    for (const host of isMap(tcp["sni"]) ? Object.keys(tcp["sni"]) : [])
      if (isIP(host) !== 0)
        findings.add(
          at("tcp", "sni", host),
          "is an address: clients that connect to one name no host (RFC 6066 §3)",
          "write default: the service for clients that name none",
          "key",
        );
    for (const [path, name] of namesIn(tcp)) {
      const where = at("tcp", ...path);
      if (services.use(name)) checkEndpoints(written[name], name, findings, where);
      else findings.add(where, `there is no service ${JSON.stringify(name)}`, oneOf(services.names(), name));
    }
  }
}

function checkKeys(tcp: WrittenMap, tls: unknown, findings: Findings, { file, path }: Origin): void {
  const has = (key: string): boolean => tcp[key] !== undefined;
  if (!has("service") && !has("sni"))
    findings.add({ file, path }, "leads nowhere", "write service: a name, or sni: a map of hosts", "key");
  if (has("sni") && tls !== undefined)
    findings.add(
      { file, path: [...path, "sni"] },
      "tls and tcp.sni exclude each other: what is decrypted here is led to one service",
      "write tcp: { service: … }, or remove tls",
      "key",
    );
  for (const key of ["sni", "default"])
    if (has("service") && has(key))
      findings.add(
        { file, path: [...path, key] },
        `service and ${key} exclude each other`,
        "write one",
        "key",
      );
}

/** No Host follows that could be compared: who asks for another name, or for none, would come without a certificate. */
function checkClients(tls: unknown, findings: Findings, { file, path }: Origin): void {
  for (const [i, { hosts }] of mapsOf(isMap(tls) ? tls["clients"] : undefined))
    if (Array.isArray(hosts) && hosts.length > 0)
      findings.add(
        { file, path: [...path, i, "hosts"] },
        "on a TCP listener every name leads to one service: a client that asks for another would need no certificate",
        "leave hosts out: the entry holds for all",
        "key",
      );
}

/** The names of services in `tcp`, with their paths. */
function namesIn(tcp: WrittenMap): (readonly [path: readonly PropertyKey[], name: string])[] {
  const hosts = isMap(tcp["sni"]) ? Object.entries(tcp["sni"]) : [];
  const all: (readonly [readonly PropertyKey[], unknown])[] = [
    [["service"], tcp["service"]],
    [["default"], tcp["default"]],
    ...hosts.map(([host, name]) => [["sni", host], name] as const),
  ];
  return all.flatMap(([path, name]) => (typeof name === "string" ? [[path, name] as const] : []));
}

function checkEndpoints(service: unknown, name: string, findings: Findings, where: Origin): void {
  const endpoints = isMap(service) && Array.isArray(service["endpoints"]) ? service["endpoints"] : [];
  const http = endpoints.find(
    (url: unknown) => typeof url === "string" && /^[a-z0-9]+:\/\//.test(url) && !url.startsWith("tcp:"),
  );
  if (http !== undefined)
    findings.add(
      where,
      `the service ${JSON.stringify(name)} speaks HTTP: ${http}`,
      "give it endpoints such as tcp://10.0.0.1:5432: bytes go there as they come",
    );
}

function oneOf(known: readonly string[], wanted: string): string {
  if (known.length === 0) return "write it first: there is none yet";
  const near = nearest(wanted, known);
  return near === undefined ? `write one of: ${known.slice(0, 20).join(", ")}` : `did you mean ${near}?`;
}
