import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import { type ReadMode, readingOnread } from "./transport.ts";

/** What Node's TLS sockets do inside: they wrap the handle of the socket below. */
interface Wrapping {
  _wrapHandle?(below: Socket, handle: unknown, writing: boolean): unknown;
}

const wrapping = TLSSocket.prototype as unknown as Wrapping;

/** A TLS socket that reads by `onread`, which Node takes only where it is not told of a socket below. */
class OnreadTlsSocket extends TLSSocket {
  /** @internal Called by Node's constructor. */
  _wrapHandle(): unknown {
    const { below } = (this as unknown as { readonly _tlsOptions: { readonly below: Socket } })._tlsOptions;
    const { _handle } = below as unknown as { readonly _handle: unknown };
    return wrapping._wrapHandle!.call(this, below, _handle, false);
  }
}

/** A TLS socket on an accepted one, and how it is read: where Node's inside looks different, by `data` events. */
export function tlsSocketOn(
  below: Socket,
  options: TLSSocketOptions,
  wanted: ReadMode,
): { readonly socket: TLSSocket; readonly mode: ReadMode } {
  const handle = (below as unknown as { readonly _handle: { readonly isStreamBase?: boolean } | null })
    ._handle;
  if (wanted === "data" || typeof wrapping._wrapHandle !== "function" || handle?.isStreamBase !== true)
    return { socket: new TLSSocket(below, options), mode: "data" };
  const socket = readingOnread((onread) => {
    const more = { below, onread, allowHalfOpen: true };
    return new OnreadTlsSocket(undefined as unknown as Socket, { ...options, ...more } as TLSSocketOptions);
  });
  (socket as unknown as { connecting: boolean }).connecting = false;
  below.on("error", (error) => socket.destroy(error));
  return { socket, mode: "onread" };
}
