import type { RedisConfig } from "../config/store-schema.ts";

/** A connection to a Redis: to one server, to the one that sentinels name, or to all masters of a cluster. */
export interface RedisConnection {
  /** Sends a command that has to do with a key. Rejects where there is no connection to its server, and with what it answers as an error. */
  send(key: string, args: readonly string[]): Promise<unknown>;
  /** Names the server that has a key: when one is down, others may not be. */
  serverOf(key: string): string;
  /** Whether there is only one server at a time. */
  readonly single: boolean;
  /** It has ended by itself. */
  readonly ended: boolean;
  /** Called once when it ends by itself. */
  onEnd: (() => void) | undefined;
  close(): void;
}

/** How long a connection may take to be made, in milliseconds. */
const CONNECT = 2_000;
/** Until a cluster is asked anew who its masters are, once one is gone; milliseconds. */
const REFRESH = 500;

/** What is used of the library's clients; their own types name each command of each version. */
interface Client {
  on(event: "error" | "end" | "terminated", listener: (error: Error) => void): this;
  connect(): Promise<unknown>;
  destroy(): void;
}
interface SingleClient extends Client {
  readonly isReady: boolean;
  sendCommand(args: readonly string[], options: object): Promise<unknown>;
}
interface ClusterClient extends Client {
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  sendCommand(key: string, readonly: boolean, args: readonly string[], options: object): Promise<unknown>;
}
interface Library {
  createClient(options: object): SingleClient;
  createCluster(options: object): ClusterClient;
}

/** The link has a time limit of its own for each call, which costs less. */
const UNTIMED = { timeout: undefined } as const;

/** Connects. Rejects with an Error that says what went wrong, without the password. */
export async function connect(config: RedisConfig): Promise<RedisConnection> {
  const library = (await import("@redis/client")) as unknown as Library;
  if (config.mode === "cluster") return connectCluster(library, config);
  const single = config.mode === "single";
  const options = single ? optionsOf(config.urls[0]!, config) : await askSentinels(library, config);
  return connectSingle(library, options, `${config.prefix}probe`);
}

/** What a client needs to know of one server. */
interface ServerOptions {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: number | undefined;
  readonly socket: object;
}

const COMMON = {
  RESP: 2,
  disableOfflineQueue: true,
  disableClientInfo: true,
  maintNotifications: "disabled",
  name: "torana",
} as const;

function optionsOf(text: string, { ca }: RedisConfig): ServerOptions {
  const url = new URL(text);
  const database = url.pathname.slice(1);
  const tls = url.protocol === "rediss:";
  return {
    ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
    ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
    ...(database !== "" && { database: Number(database) }),
    socket: {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(url.port || 6379),
      connectTimeout: CONNECT,
      ...(tls && { tls: true, ...(ca !== undefined && { ca }) }),
    },
  };
}

/** @param probe a key that is written to see whether it can be; undefined for a server that holds no keys */
async function connectSingle(
  library: Library,
  options: ServerOptions,
  probe?: string,
): Promise<RedisConnection> {
  const { socket, ...rest } = options;
  const client = library.createClient({
    ...COMMON,
    ...rest,
    socket: { ...socket, reconnectStrategy: false },
  });
  let last: Error | undefined;
  client.on("error", (error) => {
    last = error;
  });
  try {
    await withinTime(client.connect());
    if (probe !== undefined) await withinTime(client.sendCommand(["SET", probe, "1", "PX", "1000"], UNTIMED));
  } catch (error) {
    client.destroy();
    throw asError(last ?? error);
  }
  return new SingleConnection(client);
}

class SingleConnection implements RedisConnection {
  readonly single: boolean = true;
  ended = false;
  onEnd: (() => void) | undefined = undefined;
  readonly #client: SingleClient;

  constructor(client: SingleClient) {
    this.#client = client;
    const end = (): void => {
      if (this.ended) return;
      this.ended = true;
      this.onEnd?.();
    };
    client.on("error", end);
    client.on("end", end);
    client.on("terminated", end);
    this.ended = !client.isReady;
  }

  send(_key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(args, UNTIMED);
  }

  serverOf(): string {
    return "";
  }

  close(): void {
    this.onEnd = undefined;
    this.ended = true;
    this.#client.destroy();
  }
}

async function connectCluster(library: Library, config: RedisConfig): Promise<RedisConnection> {
  const servers = config.urls.map((url) => optionsOf(url, config));
  const [{ socket, ...first }] = servers as [ServerOptions];
  const { host: _host, port: _port, ...shared } = socket as { host: string; port: number };
  const client = library.createCluster({
    RESP: 2,
    rootNodes: servers.map((server) => ({ socket: server.socket })),
    // Of a cluster that lacks a master the others are of use.
    minimizeConnections: true,
    topologyRefreshOnReconnectionAttemptStrategy: REFRESH,
    defaults: { ...COMMON, ...first, socket: shared },
  });
  let last: Error | undefined;
  client.on("error", (error) => {
    last = error;
  });
  try {
    await withinTime(client.connect());
  } catch (error) {
    client.destroy();
    throw asError(last ?? error);
  }
  return new ClusterConnection(client);
}

class ClusterConnection implements RedisConnection {
  readonly single: boolean = false;
  readonly ended: boolean = false;
  onEnd: (() => void) | undefined = undefined;
  readonly #client: ClusterClient;

  constructor(client: ClusterClient) {
    this.#client = client;
  }

  send(key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(key, false, args, UNTIMED);
  }

  serverOf(key: string): string {
    return this.#client.slots[slotOf(key)]?.master.address ?? "";
  }

  close(): void {
    this.#client.destroy();
  }
}

/** Asks one sentinel after the other for the master's address; sentinels' passwords stand in their URLs. */
async function askSentinels(library: Library, config: RedisConfig): Promise<ServerOptions> {
  let why: Error | undefined;
  for (const url of config.urls) {
    try {
      const { database, ...sentinel } = optionsOf(url, config);
      const client = await connectSingle(library, sentinel);
      try {
        const reply = await withinTime(
          client.send("", ["SENTINEL", "get-master-addr-by-name", config.master ?? ""]),
        );
        if (!Array.isArray(reply))
          throw new Error(`the sentinels know no master ${JSON.stringify(config.master)}`);
        const { username, password } = config;
        const [host, port] = reply as [string, string];
        return {
          username,
          password,
          database,
          socket: { ...sentinel.socket, host, port: Number(port) },
        };
      } finally {
        client.close();
      }
    } catch (error) {
      why = asError(error);
    }
  }
  throw why ?? new Error("there is no sentinel");
}

function withinTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no connection within ${CONNECT} ms`)), CONNECT).unref();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Of several causes at once (addresses of one name) the first. */
function asError(error: unknown): Error {
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return inner instanceof Error ? inner : new Error(String(inner));
}

/** The slot of a key by what stands in its braces: CRC-16/XMODEM modulo 16384 (Redis cluster specification). */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const text = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % 16_384;
}
