import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { LogField, PeerName, PeerSetup, RunningPeer } from "../lib/peer.ts";
import { onlyChildOf } from "../lib/proc.ts";
import { launch } from "../lib/process.ts";

/** nginx with its defaults: it buffers answers in 8 × 4 KB, uploads in 16 KB and beyond that in a file. */
export function startNginx(setup: PeerSetup): Promise<RunningPeer> {
  return start("nginx", setup, []);
}

/** nginx told to stream uploads, and to buffer answers in 8 × 64 KB and never in a file: its best case for large bodies. */
export function startNginxStreaming(setup: PeerSetup): Promise<RunningPeer> {
  return start("nginx-streaming", setup, [
    "proxy_request_buffering off;",
    "client_body_buffer_size 64k;",
    "proxy_buffer_size 64k;",
    "proxy_buffers 8 64k;",
    "proxy_max_temp_file_size 0;",
  ]);
}

async function start(name: PeerName, setup: PeerSetup, extra: readonly string[]): Promise<RunningPeer> {
  const config = nginxConfig(setup, extra);
  const file = join(setup.folder, `${name}.conf`);
  writeFileSync(file, config);
  mkdirSync(join(setup.folder, "tmp"), { recursive: true });
  const program = await launch({
    name,
    command: "nginx",
    args: ["-p", setup.folder, "-e", join(setup.folder, "error.log"), "-c", file],
    core: setup.core,
    files: (setup.connections ?? 1_000) + 1_000,
    ready: setup.port,
  });
  return {
    name,
    port: setup.port,
    pid: onlyChildOf(program.pid),
    config,
    program,
    [Symbol.asyncDispose]: () => program.stop(),
  };
}

/** What every nginx of the benchmark starts with: one worker, everything in the setup's folder, quiet. */
export function nginxPreamble(folder: string, connections: number): string {
  const user = process.getuid?.() === 0 ? `user ${userInfo().username};\n` : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `${user}daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections ${connections + 1_000}; }
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${folder}/tmp/${kind};`).join("\n")}
`;
}

/** The config file's text. */
export function nginxConfig(setup: PeerSetup, extra: readonly string[]): string {
  const log = setup.accessLog ? accessLogFormat() : "";
  const idle = setup.idleSeconds === undefined ? "" : `  keepalive_timeout ${setup.idleSeconds}s;\n`;
  const servers = setup.endpoints.map((port) => `server 127.0.0.1:${port};`).join(" ");
  return `${nginxPreamble(setup.folder, setup.connections ?? 1_000)}${idle}${log}
  upstream service { ${servers} keepalive 128; }
  server {
    listen 127.0.0.1:${setup.port}${listenWords(setup)} backlog=4096;
${tlsLines(setup)}    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header Via "1.1 nginx";
      proxy_set_header X-Request-ID $request_id;
      add_header Via "1.1 nginx" always;
${setup.accessLog ? `      access_log ${setup.folder}/access.log exchange buffer=64k flush=1s;\n` : ""}${extra.map((line) => `      ${line}\n`).join("")}    }
  }
}
`;
}

function listenWords({ certificate, http2 }: PeerSetup): string {
  return `${certificate ? " ssl" : ""}${http2 ? " http2" : ""}`;
}

/** By itself nginx closes a connection after 1,000 requests: h2load takes that for a failure, and wrk shakes hands anew. */
function tlsLines({ certificate }: PeerSetup): string {
  if (certificate === undefined) return "";
  return `    ssl_certificate ${certificate.cert};
    ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    keepalive_requests 1000000000;
`;
}

/** What LOG_FIELDS of Torana tell, in nginx's variables. */
function accessLogFormat(): string {
  const fields = {
    time: '"$time_iso8601"',
    id: '"$request_id"',
    client: '"$remote_addr"',
    method: '"$request_method"',
    host: '"$http_host"',
    path: '"$uri"',
    status: "$status",
    bytes: "$body_bytes_sent",
    duration: "$request_time",
    upstream: '"$upstream_response_time"',
    endpoint: '"$upstream_addr"',
    userAgent: '"$http_user_agent"',
  } satisfies Record<LogField, string>;
  const line = Object.entries(fields).map(([name, value]) => `"${name}":${value}`);
  return `  log_format exchange escape=json '{${line.join(",")}}';\n`;
}
