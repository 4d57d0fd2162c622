import type { ConfigDocument } from "./documents.ts";
import type { Findings } from "./findings.ts";
import { listenAddress } from "./values.ts";
import { isMap, mapsOf, type WrittenMap } from "./written.ts";

/** Checks that no two listeners have the same name or address; nor the admin endpoints theirs. */
export function checkListeners({ file, value }: ConfigDocument, findings: Findings): void {
  if (!isMap(value)) return;
  const names = new Set<unknown>();
  const addresses = new Map<string, string>();
  const admin = addressKey(value["admin"]);
  if (admin !== undefined) addresses.set(admin, "the admin endpoints");
  for (const [i, { name, address }] of mapsOf(value["listeners"])) {
    if (typeof name === "string" && names.has(name))
      findings.add(
        { file, path: ["listeners", i, "name"] },
        `the name ${JSON.stringify(name)} stands twice`,
        "give each listener a name of its own",
      );
    names.add(name);
    const key = addressKey(address);
    const taken = key === undefined ? undefined : addresses.get(key);
    if (taken !== undefined)
      findings.add(
        { file, path: ["listeners", i, "address"] },
        `the address is taken by ${taken}`,
        "choose another port or address",
      );
    else if (key !== undefined) addresses.set(key, `the listener ${JSON.stringify(name)}`);
  }
  checkHttps(file, mapsOf(value["listeners"]), findings);
}

/** Checks what listeners with TLS and without ask of one another. */
function checkHttps(file: string, listeners: Iterable<[number, WrittenMap]>, findings: Findings): void {
  const all = [...listeners];
  const takesHttp = all.some(([, { tls, tcp }]) => tls === undefined && tcp === undefined);
  for (const [i, { tls, redirectToHttps }] of all) {
    if (tls !== undefined && redirectToHttps !== undefined && redirectToHttps !== false)
      findings.add(
        { file, path: ["listeners", i, "redirectToHttps"] },
        "stands on a listener that speaks https already",
        "write it on a listener without tls",
        "key",
      );
    const acme = isMap(tls) ? tls["acme"] : undefined;
    if (isMap(acme) && (acme["challenge"] ?? "http-01") === "http-01" && !takesHttp)
      findings.add(
        { file, path: ["listeners", i, "tls", "acme"] },
        "the CA asks by http, which no listener takes",
        'add a listener without tls on port 80, with redirectToHttps: true, or write challenge: "tls-alpn-01"',
        "key",
      );
  }
}

/** Port 0 is another port each time. */
function addressKey(written: unknown): string | undefined {
  const read = listenAddress.safeParse(written);
  if (!read.success || (read.data.port === 0 && read.data.socket === undefined)) return undefined;
  const { host, port, socket } = read.data;
  return socket ?? `${host}:${port}`;
}
