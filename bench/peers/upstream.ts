/** The service behind the proxies: an nginx of its own on the load's core. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, type Program } from "../lib/process.ts";
import { nginxPreamble } from "./nginx.ts";

/** Bytes of each answer, by path. */
export const ANSWERS = { "/small": 150, "/100k": 102_400, "/1m": 1_048_576 } as const;

export interface UpstreamSetup {
  readonly folder: string;
  readonly port: number;
  readonly core: number;
  /** Most connections at once; default 1,000. */
  readonly connections?: number | undefined;
}

/** Starts it; `/upload` answers when it has read the whole body, and says in x-received how many bytes came. */
export async function startUpstream(setup: UpstreamSetup): Promise<Program> {
  mkdirSync(join(setup.folder, "tmp"), { recursive: true });
  for (const path of ["/100k", "/1m"] as const)
    writeFileSync(join(setup.folder, path), "0123456789abcdef".repeat(ANSWERS[path] / 16));
  const file = join(setup.folder, "upstream.conf");
  writeFileSync(file, upstreamConfig(setup));
  return launch({
    name: "upstream",
    command: "nginx",
    args: ["-p", setup.folder, "-e", join(setup.folder, "error.log"), "-c", file],
    core: setup.core,
    files: (setup.connections ?? 1_000) + 1_000,
    ready: setup.port,
  });
}

function upstreamConfig({ folder, port, connections = 1_000 }: UpstreamSetup): string {
  const small = "0123456789abcdef".repeat(10).slice(0, ANSWERS["/small"]);
  return `${nginxPreamble(folder, connections)}
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  default_type text/plain;
  upstream acknowledge { server unix:${folder}/acknowledge.sock; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /small { return 200 "${small}"; }
    location = /upload {
      # nginx reads the whole body before it asks itself for the answer, which is sent without the body.
      proxy_pass http://acknowledge;
      proxy_http_version 1.1;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      add_header X-Received $request_length;
    }
    location / { root ${folder}; }
  }
  server {
    listen unix:${folder}/acknowledge.sock backlog=4096;
    location / { return 200 "ok\\n"; }
  }
}
`;
}
