import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** What one process says to the other while it takes over: one JSON document a line. */
export type ControlMessage =
  /** The new one asks who is there. */
  | { readonly type: "hello"; readonly pid: number }
  /** The old one: its process, and what its listeners stand on. */
  | {
      readonly type: "here";
      readonly pid: number;
      readonly ports: Readonly<Record<string, number>>;
      /** Paths of its Unix sockets. */
      readonly sockets: readonly string[];
    }
  /** The new one serves: the old one may stop accepting. */
  | { readonly type: "serving" }
  /** The old one accepts no more and has let go of the admin address and of this socket. */
  | { readonly type: "released" };

/**
 * Where the control socket of a config file is: private to the user, one for each path. Links are not followed: what
 * they lead to may be another file by the time that the next process starts.
 */
export function controlPath(file: string): string {
  const folder = join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `torana-${userId()}`);
  const name = createHash("sha256").update(resolve(file)).digest("hex").slice(0, 16);
  return join(folder, `${name}.sock`);
}

/** Also where nobody gave the user a name, as containers do. */
function userId(): number {
  return process.getuid?.() ?? 0;
}

/** In a folder that all may write to, another user can make one of this name first. */
function isOwn(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && (process.getuid === undefined || found.uid === userId());
}

/** The old process's end: waits for one that wants to take over. */
export class ControlServer {
  readonly #path: string;
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.#path = path;
    this.#server = server;
  }

  /** Listens; an old socket that nobody answers on is replaced. */
  static async open(path: string, serve: (connection: ControlConnection) => void): Promise<ControlServer> {
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOwn(folder)) throw new Error(`${folder} is not a folder of this user`);
    chmodSync(folder, 0o700);
    rmSync(path, { force: true });
    const server = createServer((socket) => serve(new ControlConnection(socket)));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
    chmodSync(path, 0o600);
    server.unref();
    return new ControlServer(path, server);
  }

  /** Closes once: the path may belong to the next process afterwards. */
  close(): void {
    if (!this.#server.listening) return;
    this.#server.close();
    rmSync(this.#path, { force: true });
  }
}

/** One end of a conversation between two processes. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #arrived: ControlMessage[] = [];
  #waiting: ((message: ControlMessage | undefined) => void) | undefined = undefined;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => undefined); // close follows
    createInterface({ input: socket })
      .on("line", (line) => this.#heard(line))
      .on("error", () => undefined); // it repeats the socket's
    socket.on("close", () => {
      this.#ended = true;
      this.#tell(undefined);
    });
  }

  /** Connects; undefined where no process listens. */
  static async to(path: string): Promise<ControlConnection | undefined> {
    if (!isOwn(dirname(path))) return undefined;
    const socket = connect(path);
    return await new Promise((resolve) => {
      socket.once("error", () => resolve(undefined));
      socket.once("connect", () => resolve(new ControlConnection(socket)));
    });
  }

  #heard(line: string): void {
    let message: ControlMessage;
    try {
      message = JSON.parse(line) as ControlMessage;
    } catch {
      this.#socket.destroy();
      return;
    }
    if (this.#waiting === undefined) this.#arrived.push(message);
    else this.#tell(message);
  }

  #tell(message: ControlMessage | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(message);
  }

  send(message: ControlMessage): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next message; undefined when the other end is gone, or has said nothing for `patienceMs`. */
  next(patienceMs?: number): Promise<ControlMessage | undefined> {
    const message = this.#arrived.shift();
    if (message !== undefined || this.#ended) return Promise.resolve(message);
    return new Promise((resolve) => {
      const timer =
        patienceMs === undefined ? undefined : setTimeout(() => this.#tell(undefined), patienceMs);
      this.#waiting = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
    });
  }

  close(): void {
    this.#socket.end();
  }
}
