import { createServer, type Server, type Socket } from "node:net";
import { type ReadMode, socketOf } from "./transport.ts";

/** The handle of a listening server: Node calls `onconnection` with each accepted handle. */
interface ListeningHandle {
  onconnection?: (error: number, handle: unknown) => void;
}

/**
 * A server that hands over each accepted socket in the way of reading that was asked for.
 *
 * `onread` leans on Node's inside: only a socket that we make ourselves from the accepted handle can read into our
 * buffers. Where that inside looks different, and on `data`, sockets come as Node makes them.
 */
export function acceptor(
  onSocket: (socket: Socket, mode: ReadMode) => void,
  wanted: ReadMode | "auto",
): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onSocket(socket, "data"));
  if (wanted !== "data") {
    server.on("listening", () => {
      const handle = (server as unknown as { _handle?: ListeningHandle })._handle;
      if (typeof handle?.onconnection !== "function") return;
      handle.onconnection = (error, client) => {
        if (error) return;
        const accepted = client as { setNoDelay?: (on: boolean) => void };
        accepted.setNoDelay?.(true);
        onSocket(socketOf(client), "onread");
      };
    });
  }
  return server;
}
