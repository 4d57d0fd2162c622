import { createHash } from "node:crypto";
import { isIP, type NetConnectOpts, type Socket } from "node:net";
import type { ConnectionOptions, SecureContext, TLSSocket } from "node:tls";
import { Failure } from "../errors/failure.ts";
import { nodeTls } from "../lib/node-tls.ts";
import { handshakeFailure, verifyFailure } from "./tls-failure.ts";
import { type ReadMode, readingOnread, Transport, type TransportOwner } from "./transport.ts";

/** How connections to a service speak TLS; certificates and keys are PEM text. */
export interface TlsClientOptions {
  /** CAs that are believed; undefined for those that Node brings. */
  readonly ca: string | undefined;
  /** Name that is asked for and that the certificate must have; undefined for the endpoint's host. */
  readonly serverName: string | undefined;
  /** Certificate and key that are shown to the service. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** `sha256/…` of the public keys of which the service must have one; empty for any. */
  readonly pins: readonly string[];
  readonly minVersion: "1.2" | "1.3";
  /** Whether the certificate must lead to a CA and have the name. */
  readonly verify: boolean;
  /** Protocols that are offered, the preferred one first; where it is h2 alone, nothing else will do. */
  readonly alpn: readonly string[];
}

const contexts = new WeakMap<TlsClientOptions, SecureContext>();

/** One context for all endpoints of a service: it holds the CAs, which are many. */
function contextOf(options: TlsClientOptions): SecureContext {
  let context = contexts.get(options);
  if (context === undefined) {
    const { ca, cert, key, minVersion } = options;
    context = nodeTls().createSecureContext({ ca, cert, key, minVersion: `TLSv${minVersion}` });
    contexts.set(options, context);
  }
  return context;
}

/** Makes TLS connections to one endpoint; a session of an earlier one makes the next handshake shorter. */
export class TlsClient {
  readonly #options: TlsClientOptions;
  readonly #connect: ConnectionOptions;
  #session: Buffer | undefined = undefined;

  /** Throws where certificate or key cannot be read. */
  constructor(host: string, options: TlsClientOptions) {
    this.#options = options;
    // A name ends without a dot there, even where one is written behind it (RFC 6066 §3).
    const name = (options.serverName ?? host).replace(/\.$/, "");
    this.#connect = {
      secureContext: contextOf(options),
      ALPNProtocols: [...options.alpn],
      rejectUnauthorized: options.verify,
      // An address is no server name (RFC 6066 §3), but the certificate must have it.
      ...(isIP(name) === 0 && { servername: name }),
      checkServerIdentity: (_name, certificate) => nodeTls().checkServerIdentity(name, certificate),
    };
  }

  /** Connects. The owner hears `connected` once the handshake is done and all that was asked for holds, or `closed`. */
  connect(owner: TransportOwner, address: NetConnectOpts, mode: ReadMode): TlsAttempt {
    const options = this.#with({ ...address } as ConnectionOptions);
    const socket =
      mode === "onread"
        ? readingOnread((onread) => nodeTls().connect({ ...options, onread } as ConnectionOptions))
        : nodeTls().connect(options);
    return new TlsAttempt(this, this.#options, owner, socket, mode, false);
  }

  /** The same over a connection that stands; Node takes no `onread` there. */
  connectOver(owner: TransportOwner, socket: Socket): TlsAttempt {
    return new TlsAttempt(
      this,
      this.#options,
      owner,
      nodeTls().connect(this.#with({ socket })),
      "data",
      true,
    );
  }

  #with(where: ConnectionOptions): ConnectionOptions {
    const session = this.#session;
    const options = { ...where, ...this.#connect, allowHalfOpen: true, ...(session && { session }) };
    return options;
  }

  /** @internal What the next handshake may go on from; undefined after one that failed. */
  keepSession(session: Buffer | undefined): void {
    this.#session = session;
  }
}

/** One TLS connection on its way. */
export class TlsAttempt {
  readonly transport: Transport;
  readonly #client: TlsClient;
  readonly #options: TlsClientOptions;
  readonly #socket: TLSSocket;
  /** The service took the connection: what fails now is the handshake. */
  #reached: boolean;
  #refusal: Failure | undefined = undefined;

  constructor(
    client: TlsClient,
    options: TlsClientOptions,
    owner: TransportOwner,
    socket: TLSSocket,
    mode: ReadMode,
    reached: boolean,
  ) {
    this.#client = client;
    this.#options = options;
    this.#socket = socket;
    this.#reached = reached;
    if (reached) this.#keepSessions();
    else socket.once("connect", () => this.#connected());
    socket.once("secureConnect", () => this.#secured());
    // What fails behind the handshake is told, and nothing more.
    socket.on("error", () => socket.destroy());
    this.transport = new Transport(owner, socket, mode);
  }

  /** The protocol that the service chose; empty for none. */
  get alpn(): string {
    return this.#socket.alpnProtocol || "";
  }

  #connected(): void {
    this.#reached = true;
    this.#socket.setNoDelay(true);
    this.#keepSessions();
  }

  /** Not before it is connected: Node may have replaced the handle until then, and forgets that sessions are wanted. */
  #keepSessions(): void {
    this.#socket.on("session", (session) => {
      if (!this.#socket.destroyed && this.#refusal === undefined) this.#client.keepSession(session);
    });
  }

  #secured(): void {
    this.#refusal = this.#check();
    if (this.#refusal === undefined) this.transport.established();
    else this.#socket.destroy();
  }

  #check(): Failure | undefined {
    const { pins, alpn } = this.#options;
    // Who resumes a session has the key: only one that passed this is kept, and a resumed one shows no certificate.
    if (pins.length > 0 && !this.#socket.isSessionReused() && !pins.includes(this.#pin()))
      return new Failure("tls_verify_failed", "the service has a key that is not pinned");
    if (alpn.length === 1 && alpn[0] === "h2" && this.alpn !== "h2")
      return new Failure("tls_handshake_failed", "the service did not choose HTTP/2");
    return undefined;
  }

  /** The pin of the key that the service has; empty where it showed none. */
  #pin(): string {
    const key = this.#socket.getPeerX509Certificate()?.publicKey;
    if (key === undefined) return "";
    const spki = key.export({ type: "spki", format: "der" });
    return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
  }

  /** Why there is no connection; `error` is the transport's. */
  failure(error: string | undefined): Failure {
    this.#client.keepSession(undefined);
    if (this.#refusal !== undefined) return this.#refusal;
    if (!this.#reached) return new Failure("connect_failed");
    const { authorizationError } = this.#socket;
    if (this.#options.verify && authorizationError)
      return verifyFailure(String((authorizationError as unknown as Error).message ?? authorizationError));
    return handshakeFailure(error);
  }
}
