import { isIP } from "node:net";
import type { ConfigDocument } from "./documents.ts";
import type { Findings } from "./findings.ts";
import type { Origin } from "./problem.ts";
import { isMap, mapsOf, textsOf, type WrittenMap } from "./written.ts";

/** Checks where certificates of listeners come from, and that what is asked of clients can be asked of somebody. */
export function checkCertificates({ file, value }: ConfigDocument, findings: Findings): void {
  if (!isMap(value)) return;
  for (const [i, { tls }] of mapsOf(value["listeners"])) {
    if (!isMap(tls)) continue;
    const at = (...more: PropertyKey[]): Origin => ({ file, path: ["listeners", i, "tls", ...more] });
    for (const [j, certificate] of mapsOf(tls["certificates"]))
      checkOrigin(certificate, (key) => at("certificates", j, key), findings);
    for (const [j, { hosts }] of mapsOf(tls["clients"]))
      for (const [k, host] of textsOf(hosts).entries())
        if (isAddress(host))
          findings.add(
            at("clients", j, "hosts", k),
            `${host} is an address: clients that connect to one name no host (RFC 6066 §3), so that nobody would be asked`,
            "leave hosts out, so that it holds for all of the listener, or write the name that clients connect to",
          );
  }
}

/** A certificate and its key stand in files, or a source gives both. */
function checkOrigin(written: WrittenMap, at: (key: string) => Origin, findings: Findings): void {
  const has = (key: string): boolean => written[key] !== undefined;
  if (has("source")) {
    for (const key of ["cert", "key", "ocsp"])
      if (has(key))
        findings.add(
          at(key),
          `${key} and source exclude each other`,
          "leave it out: the source gives it",
          "key",
        );
    return;
  }
  if (has("options"))
    findings.add(
      at("options"),
      "options are those of a source",
      "write source: ./FILE.ts beside them",
      "key",
    );
  for (const [key, example] of Object.entries({ cert: "certs/shop.pem", key: "certs/shop.key" }))
    if (!has(key)) findings.add(at(key), "is missing", `write ${key}: ${example}`);
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
