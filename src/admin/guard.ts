import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { ListenAddress } from "../config/values.ts";
import { networkSet } from "../lib/ip.ts";
import { AdminProblem } from "./source.ts";

const isLoopbackAddress = networkSet(["127.0.0.0/8", "::1"]);

/**
 * Refuses what a web page in a person's browser could send here. Throws an AdminProblem.
 *
 * A page can have its own name resolve to this address and then read answers as its own (DNS rebinding): so a name must be a
 * loopback name or the configured host. An address in Host cannot be rebound; it is believed where this listens on more than
 * loopback. A page can also post blindly: but a browser then says so, by Origin or Sec-Fetch-Site.
 */
export function guard(request: IncomingMessage, address: ListenAddress): void {
  if (address.socket === undefined) guardHost(request, address.host);
  if (request.method === "GET" || request.method === "HEAD") return;
  const { origin, "sec-fetch-site": site } = request.headers;
  if (origin !== undefined || site !== undefined)
    throw new AdminProblem(
      403,
      "origin_refused",
      "requests that change something are not taken from browsers",
    );
}

function guardHost(request: IncomingMessage, configured: string): void {
  const hosts = request.headersDistinct["host"] ?? [];
  const host = hosts.length === 1 ? hostName(hosts[0]!) : undefined;
  if (host !== undefined) {
    if (host === "localhost" || isLoopbackAddress(host) || host === configured.toLowerCase()) return;
    if (isIP(host) !== 0 && !isLoopbackAddress(configured)) return;
  }
  throw new AdminProblem(
    421,
    "host_refused",
    "Host must be localhost, an address of loopback, or the address of admin in the config",
  );
}

/** Name or address without brackets and port, in lower case; undefined where it is neither. */
function hostName(host: string): string | undefined {
  const [, literal, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(host) ?? [];
  return (literal ?? name)?.toLowerCase();
}
