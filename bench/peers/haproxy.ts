import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerSetup, RunningPeer } from "../lib/peer.ts";
import { launch } from "../lib/process.ts";

/** Certificate and key in one file, as HAProxy wants them. */
const PAIR = "pair.pem";

/** HAProxy in one process with one thread. */
export async function startHaproxy(setup: PeerSetup): Promise<RunningPeer> {
  const { certificate } = setup;
  if (certificate) {
    const both = `${certificate.text}${readFileSync(certificate.key, "utf8")}`;
    writeFileSync(join(setup.folder, PAIR), both, { mode: 0o600 });
  }
  const config = haproxyConfig(setup);
  const file = join(setup.folder, "haproxy.cfg");
  writeFileSync(file, config);
  const program = await launch({
    name: "haproxy",
    command: "haproxy",
    args: ["-db", "-f", file],
    core: setup.core,
    files: (setup.connections ?? 1_000) * 2 + 1_000,
    ready: setup.port,
  });
  return {
    name: "haproxy",
    port: setup.port,
    pid: program.pid,
    config,
    program,
    [Symbol.asyncDispose]: () => program.stop(),
  };
}

/** The config file's text. */
export function haproxyConfig(setup: PeerSetup): string {
  const servers = setup.endpoints.map((port, index) => `  server s${index} 127.0.0.1:${port}`).join("\n");
  const { certificate, http2, folder } = setup;
  const tls = certificate ? ` ssl crt ${join(folder, PAIR)} alpn ${http2 ? "h2,http/1.1" : "http/1.1"}` : "";
  return `global
  nbthread 1
  maxconn ${setup.connections ?? 1_000}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive ${setup.idleSeconds ?? 60}s
frontend public
  bind 127.0.0.1:${setup.port}${tls} backlog 4096
  option forwardfor
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-request set-header X-Forwarded-Proto ${certificate ? "https" : "http"}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request add-header Via "1.1 haproxy"
  http-response add-header Via "1.1 haproxy"
  default_backend service
backend service
${servers}
`;
}
