import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOG_FIELDS, type PeerSetup, type RunningPeer } from "../lib/peer.ts";
import { launch } from "../lib/process.ts";
import { ROOT } from "../lib/root.ts";

/** Torana as a user would start it: one route for everything, one service, all defaults. */
export async function startTorana(setup: PeerSetup): Promise<RunningPeer> {
  const config = toranaConfig(setup);
  const file = join(setup.folder, "torana.yaml");
  writeFileSync(file, config);
  const program = await launch({
    name: "torana",
    command: join(ROOT, "bin/torana"),
    args: ["run", file],
    core: setup.core,
    files: (setup.connections ?? 1_000) + 1_000,
    env: setup.env,
    ready: /listening on [^ ]+:\d+/,
  });
  return {
    name: "torana",
    port: setup.port,
    pid: program.pid,
    config,
    program,
    [Symbol.asyncDispose]: () => program.stop(),
  };
}

/** The config file's text. */
export function toranaConfig(setup: PeerSetup): string {
  const endpoints = setup.endpoints.map((port) => `"http://127.0.0.1:${port}"`).join(", ");
  const { certificate } = setup;
  const tls = certificate
    ? `, tls: { certificates: [{ cert: "${certificate.cert}", key: "${certificate.key}" }] }`
    : "";
  const limits: string[] = [];
  if (setup.idleSeconds !== undefined) limits.push(`idleTimeout: ${setup.idleSeconds}s`);
  if ((setup.connections ?? 0) > 20_000) limits.push(`connections: ${setup.connections}`);
  if ((setup.connections ?? 0) > 10_000) limits.push(`connectionsPerAddress: ${setup.connections}`);
  return [
    "listeners:",
    `  - { name: public, address: "127.0.0.1:${setup.port}"${tls} }`,
    ...(setup.accessLog ? [`policies: [{ access-log: ${JSON.stringify(accessLog(setup.folder))} }]`] : []),
    ...(limits.length > 0 ? [`limits: { ${limits.join(", ")} }`] : []),
    "routes:",
    "  - { name: all, match: { path: /* }, service: upstream }",
    "services:",
    `  upstream: { endpoints: [${endpoints}] }`,
    "",
  ].join("\n");
}

function accessLog(folder: string): object {
  return { to: join(folder, "access.log"), fields: LOG_FIELDS };
}
