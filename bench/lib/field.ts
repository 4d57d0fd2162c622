import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "../peers/index.ts";
import { startUpstream } from "../peers/upstream.ts";
import type { Access } from "./asker.ts";
import type { PeerName, PeerSetup, RunningPeer } from "./peer.ts";
import { freePorts } from "./ports.ts";
import { onlyChildOf } from "./proc.ts";
import type { Bench } from "./scenario.ts";
import { verifyLoadPaths, verifyProxy } from "./verify.ts";

/** The upstream and the proxies before it, checked and ready to be timed; all stay until it is disposed. */
export interface Field extends AsyncDisposable {
  readonly upstreamPort: number;
  /** The upstream's worker. */
  readonly upstreamPid: number;
  readonly peers: ReadonlyMap<PeerName, RunningPeer>;
  readonly configs: Readonly<Record<string, string>>;
  /** Throws when a program has ended by itself. */
  assertAlive(): void;
}

/** Checks each proxy against an echo service, then starts upstream and proxies, and checks the paths of the load. */
export async function startField(bench: Bench, wishes: Partial<PeerSetup> = {}): Promise<Field> {
  const { options, peers: names } = bench;
  await verifyAll(bench, wishes);
  await using stack = new AsyncDisposableStack();
  const [upstreamPort = 0] = await freePorts(1);
  const folder = folderFor(bench, "upstream");
  const { connections } = wishes;
  const upstream = stack.use(
    await startUpstream({ folder, port: upstreamPort, core: options.loadCore, connections }),
  );
  const peers = new Map<PeerName, RunningPeer>();
  for (const name of names) {
    const peer = stack.use(await startPeer(bench, name, [upstreamPort], wishes));
    await verifyLoadPaths(name, peer.port, wishes);
    peers.set(name, peer);
  }
  const owned = stack.move();
  return {
    upstreamPort,
    upstreamPid: onlyChildOf(upstream.pid),
    peers,
    configs: Object.fromEntries(
      [...peers].map(([name, peer]) => [name, peer.config.replaceAll(bench.folder, "…")]),
    ),
    assertAlive: () => {
      upstream.assertAlive();
      for (const { program } of peers.values()) program.assertAlive();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Checks each proxy of the scenario against an echo service. */
export async function verifyAll(
  { peers, progress, folder, options }: Bench,
  { certificate, http2 }: Access = {},
): Promise<void> {
  for (const name of peers) {
    progress.now(`checking ${name}`);
    await verifyProxy(name, PEERS[name], folder, options.proxyCore, { certificate, http2 });
  }
}

/** Starts one proxy on a free port, in a folder of its own, on the proxies' core. */
export async function startPeer(
  bench: Bench,
  name: PeerName,
  endpoints: readonly number[],
  wishes: Partial<PeerSetup> = {},
): Promise<RunningPeer> {
  const [port = 0] = await freePorts(1);
  const folder = folderFor(bench, `${name}-${port}`);
  return PEERS[name]({ ...wishes, folder, port, endpoints, core: bench.options.proxyCore });
}

/** A folder of that name below the scenario's. */
export function folderFor(bench: Bench, name: string): string {
  const folder = join(bench.folder, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
