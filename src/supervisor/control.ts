import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What one process says to the other while it takes over: one JSON document a line. */
export type ControlMessage =
  /** The new one asks who is there. */
  | { readonly type: "hello"; readonly pid: number }
  /** The old one: its process, and the ports that its listeners got. */
  | { readonly type: "here"; readonly pid: number; readonly ports: Readonly<Record<string, number>> }
  /** The new one serves: the old one may stop accepting. */
  | { readonly type: "serving" }
  /** The old one accepts no more and has let go of the admin address and of this socket. */
  | { readonly type: "released" };

/** Where the control socket of a config file is: private to the user, one for each file. */
export function controlPath(file: string): string {
  const { uid } = userInfo();
  const folder = join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `torana-${uid}`);
  const name = createHash("sha256").update(realpathSync(file)).digest("hex").slice(0, 16);
  return join(folder, `${name}.sock`);
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
    const folder = join(path, "..");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
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
    createInterface({ input: socket }).on("line", (line) => this.#heard(line));
    socket.on("close", () => {
      this.#ended = true;
      this.#waiting?.(undefined);
    });
  }

  /** Connects; undefined where no process listens. */
  static async to(path: string): Promise<ControlConnection | undefined> {
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
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#arrived.push(message);
    else waiting(message);
  }

  send(message: ControlMessage): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next message; undefined when the other end is gone. */
  next(): Promise<ControlMessage | undefined> {
    const message = this.#arrived.shift();
    if (message !== undefined || this.#ended) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  close(): void {
    this.#socket.end();
  }
}
