/** One request over a TLS connection of its own, with what the handshake told. */
import type { X509Certificate } from "node:crypto";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

/** What is asked, and how. */
export interface TlsAsk extends Omit<ConnectionOptions, "port" | "host"> {
  /** Host field (default: the server name, else "localhost"). */
  readonly hostField?: string;
  readonly path?: string;
  /** More fields, as lines without their ends. */
  readonly fields?: readonly string[];
}

/** What came of it. */
export interface TlsAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string;
  readonly resumed: boolean;
  readonly certificate: X509Certificate;
  /** The last ticket that came; undefined for none. */
  readonly session: Buffer | undefined;
}

/** Opens a TLS connection; rejects with what ended the handshake. */
export function openTls(
  port: number,
  options: Omit<ConnectionOptions, "port" | "host"> = {},
): Promise<TLSSocket> {
  return new Promise((done, fail) => {
    const socket = connect({ host: "127.0.0.1", port, ALPNProtocols: ["http/1.1"], ...options });
    socket.once("secureConnect", () => {
      socket.off("error", fail);
      done(socket);
    });
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("closed")));
  });
}

/** Asks once, with `Connection: close`; rejects with what ended the connection before a whole answer. */
export async function askTls(port: number, ask: TlsAsk = {}): Promise<TlsAnswer> {
  const { hostField, path = "/", fields = [], ...options } = ask;
  const socket = await openTls(port, options);
  // In TLS 1.2 the ticket comes with the handshake, later behind it.
  let session = socket.getProtocol() === "TLSv1.2" ? socket.getSession() : undefined;
  socket.on("session", (one) => {
    session = one;
  });
  const facts = {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    alpn: socket.alpnProtocol || "",
    resumed: socket.isSessionReused(),
    certificate: socket.getPeerX509Certificate()!,
  };
  const host = hostField ?? options.servername ?? "localhost";
  socket.write(
    [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...fields, "Connection: close", "", ""].join("\r\n"),
  );
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  const whole = Buffer.concat(pieces).toString("latin1");
  const end = whole.indexOf("\r\n\r\n");
  if (end === -1) throw new Error("closed without an answer");
  const head = whole.slice(0, end);
  return { ...facts, status: Number(head.slice(9, 12)), head, body: whole.slice(end + 4), session };
}

/** What an ask came to: its status, or the code by which it failed. */
export async function outcome(asked: Promise<TlsAnswer>): Promise<number | string> {
  try {
    return (await asked).status;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}
