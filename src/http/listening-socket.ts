import { readFileSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { acceptor } from "./accept.ts";
import type { ReadMode } from "./transport.ts";
import { listenOnFile, type UnixSocketFile } from "./unix-socket.ts";

/** Where a server listens: host and port, or a Unix socket. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly socket: string | undefined;
}

/** Connections that may wait to be accepted; the system may allow fewer. */
const BACKLOG = 4_096;
/** Between two looks at whether anything still waits, in milliseconds. */
const TURN = 5;
/** For so long connections that wait are taken out at most: a full queue and a busy event loop need some of it. */
const DRAIN_MAX = 1_000;

/** A socket that listens, and that can be closed without losing a connection that waits to be accepted. */
export class ListeningSocket {
  readonly #server: Server;
  #accepted = 0;
  #file: UnixSocketFile | undefined = undefined;
  #shared = false;
  #closing: Promise<void> | undefined = undefined;

  constructor(onSocket: (socket: Socket, mode: ReadMode) => void, mode: ReadMode | "auto") {
    this.#server = acceptor((socket, how) => {
      this.#accepted++;
      onSocket(socket, how);
    }, mode);
  }

  /** Listens, `shared` with other threads or alone, where it `replaces` who listens on a Unix socket; rejects with the system's error where the address cannot be had. */
  async listen({ host, port, socket }: ServerAddress, shared: boolean, replaces = false): Promise<void> {
    if (socket !== undefined) {
      this.#file = await listenOnFile(this.#server, socket, BACKLOG, replaces);
      return;
    }
    this.#shared = shared;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, reusePort: shared, backlog: BACKLOG }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /**
   * Stops listening. The kernel would reset what it has accepted and we have not: where it does not hand that to the
   * sockets that share the port, what waits is taken out first. Where there are such sockets, no more is let into our
   * queue meanwhile: who comes then tries again after a second, and finds one of them.
   * @param maxMs how long that may take
   */
  close(maxMs: number = DRAIN_MAX): Promise<void> {
    this.#closing ??= this.#close(Math.min(maxMs, DRAIN_MAX));
    return this.#closing;
  }

  /** Stops listening at once; what waits is reset. */
  closeNow(): void {
    this.#file?.remove();
    this.#server.close();
  }

  async #close(maxMs: number): Promise<void> {
    this.#file?.remove();
    if (this.#server.listening && !(this.#shared && kernelMigrates())) {
      const { _handle: handle } = this.#server as unknown as {
        _handle?: { listen?(backlog: number): number };
      };
      if (this.#shared) handle?.listen?.(0);
      await this.#emptyQueue(performance.now() + maxMs);
    }
    this.#server.close();
  }

  async #emptyQueue(end: number): Promise<void> {
    for (let quiet = 0; quiet < 2 && performance.now() < end; ) {
      const before = this.#accepted;
      await sleep(TURN);
      // Right behind the event loop's poll, which accepts: what comes between that and the close is lost.
      await turn();
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
  }
}

/** Whether connections that wait at a socket that closes go to the others of its port (Linux, net.ipv4.tcp_migrate_req). */
function kernelMigrates(): boolean {
  try {
    return readFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "latin1").trim() === "1";
  } catch {
    return false;
  }
}
