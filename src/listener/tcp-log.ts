import type { Config } from "../config/schema.ts";
import type { TcpRecord } from "../http/tcp-contract.ts";

/** Where connections that are led on byte by byte are logged: where access-log of every route writes its lines of JSON. */
export function tcpLogTargets({ policies }: Config): string[] {
  return policies.flatMap((entry) => {
    const options = entry["access-log"] as { to?: string; template?: string } | null | undefined;
    if (options === undefined || options?.template !== undefined) return [];
    return [options?.to ?? "stdout"];
  });
}

/** One connection that is over as a line of JSON; what is not known is null. `now`: milliseconds since 1970. */
export function tcpLogLine(record: TcpRecord, listener: string, now: number): string {
  const { peer, serverName, service, endpoint, bytesFromClient, bytesToClient, milliseconds } = record;
  return JSON.stringify({
    time: new Date(now - milliseconds).toISOString(),
    listener,
    client: peer.address || null,
    host: serverName || null,
    service: service || null,
    endpoint: endpoint || null,
    received: bytesFromClient,
    bytes: bytesToClient,
    duration: Math.round(milliseconds * 1_000) / 1_000,
    reason: record.failure?.code ?? null,
  });
}
