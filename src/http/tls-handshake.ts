import type { Socket } from "node:net";
import type { TLSSocket, TLSSocketOptions } from "node:tls";
import type { ClientCertificate, PeerTls } from "../lib/request.ts";
import { clientCertificateOf } from "./client-certificate.ts";
import { handshakeResult, verifyResult } from "./handshake-result.ts";
import { ACME_PROTOCOL, type TlsContext } from "./tls-contract.ts";
import { tlsSocketOn } from "./tls-socket.ts";
import { type ReadMode, Transport, type TransportOwner } from "./transport.ts";

/** Who began a handshake and hears how it ends. */
export interface HandshakeOwner {
  /** It is done: the transport is given to whoever speaks the protocol that was agreed on. */
  secured(handshake: TlsHandshake, tls: PeerTls, transport: Transport): void;
  /** The connection is gone before that. */
  unsecured(handshake: TlsHandshake, result: string): void;
}

/** The parts of Node's TLS socket that are not in its types. */
interface TlsHandle {
  verifyError(): { readonly code?: string } | null | undefined;
  setOCSPResponse(answer: Buffer): void;
  receive(bytes: Buffer): void;
}

/** A client's TLS handshake: from the accepted socket to a connection that a protocol can be spoken on. */
export class TlsHandshake implements TransportOwner {
  readonly #owner: HandshakeOwner;
  readonly #context: TlsContext;
  /** Host that the client asked for, where the hello was read; OpenSSL's word otherwise. */
  readonly #serverName: string | undefined;
  /** For so long it may take, in milliseconds. */
  readonly #timeout: number;
  #transport!: Transport;
  #socket!: TLSSocket;
  #since = 0;
  #result: string | undefined = undefined;

  constructor(owner: HandshakeOwner, context: TlsContext, timeout: number, serverName?: string) {
    this.#owner = owner;
    this.#context = context;
    this.#timeout = timeout;
    this.#serverName = serverName;
  }

  /** Begins, once: `raw` is the accepted socket, `begun` what was read of it already. */
  begin(raw: Socket, wanted: ReadMode, begun?: Buffer): void {
    const { secure, alpn, ocsp, ocspUntil = Number.POSITIVE_INFINITY, verify } = this.#context;
    const options: TLSSocketOptions = {
      isServer: true,
      secureContext: secure,
      requestCert: verify !== "none",
      // Only whether one came is asked of OpenSSL: Node lets every certificate through, which is looked at below.
      rejectUnauthorized: verify === "required",
      // An empty list would refuse every client that offers something.
      ...(alpn.length > 0 && { ALPNProtocols: alpn }),
    };
    const { socket, mode } = tlsSocketOn(raw, options, wanted);
    this.#socket = socket;
    const handle = handleOf(socket);
    if (ocsp !== undefined && Date.now() < ocspUntil) handle.setOCSPResponse(ocsp);
    socket.once("secure", () => this.#secured());
    socket.on("_tlsError", onTlsError);
    this.#transport = new Transport(this, socket, mode);
    if (begun !== undefined) handle.receive(begun);
  }

  #secured(): void {
    const certificate = this.#verified();
    if (typeof certificate === "string") {
      this.#fail(certificate);
      return;
    }
    const socket = this.#socket;
    const asked = (socket as unknown as { readonly servername: string | false | null }).servername;
    const name = plainName(asked);
    // OpenSSL knows none in a session of TLS 1.2 that is resumed; a second hello may not ask for another.
    if (this.#serverName !== undefined && name !== "" && name !== this.#serverName) {
      this.#fail("hello_malformed");
      return;
    }
    // Nor may it take back that it is a CA's, for which nothing was asked of the client.
    if (this.#context.challenge === true && socket.alpnProtocol !== ACME_PROTOCOL) {
      this.#fail("hello_malformed");
      return;
    }
    const serverName = this.#serverName ?? name;
    const tls: PeerTls = {
      serverName,
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher().name,
      alpn: socket.alpnProtocol || "",
      certificate,
      requirement: this.#context.requirement,
    };
    this.#owner.secured(this, tls, this.#transport);
  }

  /** The client's certificate; undefined where none is needed and none came; why it is refused, in a word. */
  #verified(): ClientCertificate | undefined | string {
    const { verify } = this.#context;
    if (verify === "none") return undefined;
    const certificate = this.#socket.getPeerX509Certificate();
    // A resumed session without a certificate looks verified to Node.
    if (certificate === undefined) return verify === "required" ? "no_certificate" : undefined;
    const error = handleOf(this.#socket).verifyError();
    if (error) return verifyResult(error.code ?? "");
    const made = clientCertificateOf(certificate);
    // A session that is resumed was verified when it began.
    return made.notAfter <= Date.now() ? "certificate_expired" : made;
  }

  #fail(result: string): void {
    this.#result ??= result;
    this.#socket.destroy();
  }

  received(): boolean {
    return true;
  }

  ended(): void {
    this.#fail("client_left");
  }

  drained(): void {}

  writeFailed(): void {
    this.#fail("client_left");
  }

  closed(error: string | undefined): void {
    this.#owner.unsecured(this, this.#result ?? handshakeResult(error ?? "CLOSED"));
  }

  sweep(now: number): void {
    if (this.#since === 0) this.#since = now;
    if (now - this.#since >= this.#timeout) this.#fail("timeout");
  }

  /** Closes at once. */
  destroy(): void {
    this.#fail("client_left");
  }
}

function handleOf(socket: TLSSocket): TlsHandle {
  return (socket as unknown as { readonly _handle: TlsHandle })._handle;
}

/** What Node would only tell of: a TLS error ends the connection, during the handshake and behind it. */
function onTlsError(this: TLSSocket, error: Error): void {
  this.destroy(error);
}

function plainName(name: string | false | null): string {
  const lower = (name || "").toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}
