/** Redis servers of a test's own, each in a folder of its own and on a port of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { createAuthority, createCertificate } from "../../src/lib/x509.ts";
import { HUNG_AFTER_MS } from "./wait.ts";

/** Why Redis cannot be run here; false where it can. For `skip`. */
export const noRedis: string | false = missing();

function missing(): string | false {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "redis-server cannot be run here; Debian has it as a package";
  }
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

export interface RedisOptions {
  readonly port?: number;
  /** Further lines of its config file. */
  readonly lines?: readonly string[];
  /** It names masters and holds nothing. */
  readonly sentinel?: boolean;
  /** Password for the test's own commands. */
  readonly password?: string;
}

/** A running redis-server. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder: string = mkdtempSync(join(tmpdir(), "torana-redis-"));
  readonly #options: RedisOptions;
  #child: ChildProcess | undefined = undefined;

  private constructor(port: number, options: RedisOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Starts one and waits until it answers. */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const port = options.port ?? (await freePorts(1))[0]!;
    const server = new RedisServer(port, options);
    const { lines = [], sentinel = false } = options;
    const own = sentinel ? [] : ['save ""', "appendonly no"];
    const all = [`port ${port}`, "bind 127.0.0.1", `dir ${server.folder}`, ...own, ...lines];
    writeFileSync(join(server.folder, "redis.conf"), `${all.join("\n")}\n`);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, or starts it again, with nothing in it. */
  async start(): Promise<void> {
    const args = [join(this.folder, "redis.conf"), ...(this.#options.sentinel ? ["--sentinel"] : [])];
    this.#child = spawn("redis-server", args, { stdio: ["ignore", "ignore", "inherit"] });
    for (let poll = 0; poll < HUNG_AFTER_MS / 20; poll++) {
      try {
        await this.command("PING");
        return;
      } catch (error) {
        if (this.#child.exitCode !== null) throw error;
        await sleep(20);
      }
    }
    throw new Error("redis-server does not answer");
  }

  /** Sends it a command over a connection of its own. */
  async command(...args: string[]): Promise<unknown> {
    const client = createClient({
      RESP: 2,
      maintNotifications: "disabled",
      ...(this.#options.password !== undefined && { password: this.#options.password }),
      socket: { host: "127.0.0.1", port: this.port, reconnectStrategy: false },
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }

  /** Ends it at once, as a machine that loses its power. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** It takes connections and answers nothing any more. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** It goes on. */
  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Several servers that belong together. */
export class RedisServers implements AsyncDisposable {
  readonly all: RedisServer[] = [];

  get urls(): string[] {
    return this.all.map(({ url }) => url);
  }

  /** A cluster of masters that share the slots. */
  static async cluster(masters = 3): Promise<RedisServers> {
    const servers = new RedisServers();
    const ports = await freePorts(masters * 2);
    for (let i = 0; i < masters; i++) {
      const lines = [
        "cluster-enabled yes",
        `cluster-port ${ports[masters + i]}`,
        "cluster-require-full-coverage no",
      ];
      servers.all.push(await RedisServer.start({ port: ports[i]!, lines }));
    }
    for (const [i, server] of servers.all.entries()) {
      const from = Math.ceil((16_384 * i) / masters);
      const to = Math.ceil((16_384 * (i + 1)) / masters) - 1;
      await server.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
      const { port } = servers.all[0]!;
      if (i > 0) await server.command("CLUSTER", "MEET", "127.0.0.1", String(port), String(ports[masters]));
    }
    for (const server of servers.all)
      await eventually("the cluster to come together", async () => {
        const info = String(await server.command("CLUSTER", "INFO"));
        return info.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384");
      });
    return servers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** A master, its replica, and a sentinel that puts the replica in its place. */
export class SentinelStand implements AsyncDisposable {
  readonly #servers: readonly RedisServer[];
  readonly master: RedisServer;
  readonly sentinel: RedisServer;

  private constructor(master: RedisServer, replica: RedisServer, sentinel: RedisServer) {
    this.#servers = [sentinel, replica, master];
    this.master = master;
    this.sentinel = sentinel;
  }

  static async start(password?: string): Promise<SentinelStand> {
    const own = password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`];
    const known = password === undefined ? {} : { password };
    const master = await RedisServer.start({ lines: own, ...known });
    const lines = [...own, `replicaof 127.0.0.1 ${master.port}`];
    const replica = await RedisServer.start({ lines, ...known });
    await eventually("the replica to follow", async () =>
      String(await replica.command("INFO", "replication")).includes("master_link_status:up"),
    );
    const watched = [
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      ...(password === undefined ? [] : [`sentinel auth-pass main ${password}`]),
      "sentinel down-after-milliseconds main 300",
      "sentinel failover-timeout main 2000",
    ];
    const sentinel = await RedisServer.start({ sentinel: true, lines: watched });
    await eventually("the sentinel to know the replica", async () =>
      String(await sentinel.command("SENTINEL", "replicas", "main")).includes(String(replica.port)),
    );
    return new SentinelStand(master, replica, sentinel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}

/** A server that speaks TLS only, and the CA that it is believed by. */
export async function startTlsRedis(): Promise<{ server: RedisServer; url: string; ca: string }> {
  const authority = await createAuthority("Redis's own", 2);
  const own = await createCertificate(["127.0.0.1", "localhost"], 1, authority);
  const [tls] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), "torana-redis-tls-"));
  const cert = join(folder, "cert.pem");
  const key = join(folder, "key.pem");
  const ca = join(folder, "ca.pem");
  writeFileSync(cert, own.cert);
  writeFileSync(key, own.key);
  writeFileSync(ca, authority.cert);
  const server = await RedisServer.start({
    lines: [
      `tls-port ${tls}`,
      `tls-cert-file ${cert}`,
      `tls-key-file ${key}`,
      `tls-ca-cert-file ${ca}`,
      "tls-auth-clients no",
    ],
  });
  rmSync(folder, { recursive: true });
  return { server, url: `rediss://127.0.0.1:${tls}`, ca: authority.cert };
}

/** Waits until it is so. */
export async function eventually(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < HUNG_AFTER_MS / 20; poll++) {
    if (await done().catch(() => false)) return;
    await sleep(20);
  }
  throw new Error(`still waiting after ${HUNG_AFTER_MS} ms for: ${what}`);
}
