import { OFFERED } from "./handshake.ts";

/** How `peers` and `bodies` measure, for the page of results. */
export const CPU_METHOD: readonly string[] = [
  "CPU µs a request = user + system ticks of the proxy process (nginx: its worker) from /proc/PID/stat over a run ÷ requests that wrk completed in it.",
  "Each proxy has one core to itself and one worker or thread; wrk (1 thread) and the upstream nginx share the other core.",
  "The proxies run in turn within each round and stay up over all rounds; the first run of each is a warm-up and not counted. Ratios are formed within a round, then the median is taken.",
  "The request has a browser's 12 fields, about 700 bytes. All proxies keep connections to the upstream and set X-Forwarded-For, -Proto, -Host, Via (both ways) and X-Request-ID, which was checked at the upstream before the first run, with bodies of 0, 150, 102,400 and 1,048,576 bytes both ways.",
  "A run with a socket error, a timeout or a status that is not 2xx would have stopped the scenario.",
  "Access logs are off everywhere; nginx and HAProxy have no other tuning than the configs below, Torana none at all.",
];

/** The same over TLS, where this program makes the load. */
export function tlsMethod(program: "wrk" | "h2load"): readonly string[] {
  const { version, suite, group } = OFFERED;
  return [
    ...CPU_METHOD.map((line) => line.replaceAll("wrk", program)),
    `All proxies have the same certificate (self-signed, ECDSA P-256). ${program} offers ${version}, ${suite} and ${group} only, so that all do the same work whatever they would prefer; what a handshake gives was checked for each before the first run.`,
    "nginx keeps its connections (keepalive_requests): by itself it closes each after 1,000 requests, which makes wrk shake hands anew and h2load fail.",
  ];
}
