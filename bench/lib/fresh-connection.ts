import { connect } from "node:tls";
import { HOST } from "./certificate.ts";

const PATIENCE_MS = 20_000;
const REQUEST = `GET /small HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;

export interface FreshSpec {
  readonly port: number;
  /** Certificates that are believed, in PEM. */
  readonly trusted: readonly string[];
  /** A session to resume; undefined makes a full handshake. */
  readonly session: Buffer | undefined;
}

export interface FreshResult {
  /** Undefined for a whole answer with status 200. */
  readonly failure: string | undefined;
  /** SHA-256 of the certificate that was shown; undefined when none was: no handshake, or a resumed session. */
  readonly fingerprint: string | undefined;
  readonly resumed: boolean;
  /** The session, for another connection to resume. */
  readonly session: Buffer | undefined;
}

/** A new connection with one request of HTTP/1.1 over TLS; never rejects. */
export function askOnNewConnection({ port, trusted, session }: FreshSpec): Promise<FreshResult> {
  return new Promise((done) => {
    let text = "";
    let fingerprint: string | undefined;
    let resumed = false;
    let ticket: Buffer | undefined;
    const socket = connect({
      port,
      host: "127.0.0.1",
      servername: HOST,
      ca: [...trusted],
      ALPNProtocols: ["http/1.1"],
      ...(session ? { session } : {}),
    });
    const end = (failure: string | undefined): void => {
      done({ failure, fingerprint, resumed, session: ticket });
      socket.destroy();
    };
    socket.setTimeout(PATIENCE_MS, () => end("silence"));
    socket.on("secureConnect", () => {
      resumed = socket.isSessionReused();
      if (!resumed) fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
      socket.write(REQUEST);
    });
    socket.on("session", (given: Buffer) => {
      ticket = given;
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.on("end", () => end(problemOf(text)));
    socket.on("close", () => end("closed"));
  });
}

function problemOf(answer: string): string | undefined {
  if (!answer.startsWith("HTTP/1.1 200 ")) return answer === "" ? "no answer" : answer.slice(0, 12);
  const head = answer.indexOf("\r\n\r\n");
  const length = /\ncontent-length: *(\d+)/i.exec(answer)?.[1];
  return head >= 0 && answer.length - head - 4 === Number(length) ? undefined : "an answer cut off";
}
