import type { Socket } from "node:net";
import type { TLSSocket, TLSSocketOptions } from "node:tls";
import { nodeTls } from "../lib/node-tls.ts";
import { type ReadMode, readingOnread } from "./transport.ts";

/** What Node's TLS sockets do inside: they wrap the handle of the socket below. */
interface Wrapping {
  _wrapHandle?(below: Socket, handle: unknown, writing: boolean): unknown;
}

type OnreadTlsSocket = new (below: undefined, options: TLSSocketOptions) => TLSSocket;

let made: OnreadTlsSocket | undefined;

/** A TLS socket that reads by `onread`, which Node takes only where it is not told of a socket below. Undefined where Node's inside looks different. */
function onreadTlsSocket(): OnreadTlsSocket | undefined {
  const { TLSSocket: Base } = nodeTls();
  const { _wrapHandle: wrap } = Base.prototype as unknown as Wrapping;
  if (typeof wrap !== "function") return undefined;
  made ??= class extends (Base as unknown as OnreadTlsSocket) {
    /** @internal Called by Node's constructor. */
    _wrapHandle(): unknown {
      const { below } = (this as unknown as { readonly _tlsOptions: { readonly below: Socket } })._tlsOptions;
      const { _handle } = below as unknown as { readonly _handle: unknown };
      return wrap.call(this, below, _handle, false);
    }
  };
  return made;
}

/** A TLS socket on an accepted one, and how it is read: where Node's inside looks different, by `data` events. */
export function tlsSocketOn(
  below: Socket,
  options: TLSSocketOptions,
  wanted: ReadMode,
): { readonly socket: TLSSocket; readonly mode: ReadMode } {
  const handle = (below as unknown as { readonly _handle: { readonly isStreamBase?: boolean } | null })
    ._handle;
  const OnreadSocket = wanted === "data" || handle?.isStreamBase !== true ? undefined : onreadTlsSocket();
  if (OnreadSocket === undefined) return { socket: new (nodeTls().TLSSocket)(below, options), mode: "data" };
  const socket = readingOnread((onread) => {
    const more = { below, onread, allowHalfOpen: true };
    return new OnreadSocket(undefined, { ...options, ...more } as TLSSocketOptions);
  });
  (socket as unknown as { connecting: boolean }).connecting = false;
  below.on("error", (error) => socket.destroy(error));
  return { socket, mode: "onread" };
}
