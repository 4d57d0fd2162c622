/** What a TLS client agrees on with a proxy: checked before anything is timed, so that all do the same work. */
import { connect, type TLSSocket } from "node:tls";
import type { Access } from "./asker.ts";
import { HOST } from "./certificate.ts";
import { BenchFailure, must } from "./failure.ts";

/** All that the clients under load offer. */
export const OFFERED = {
  version: "TLSv1.3",
  suite: "TLS_AES_128_GCM_SHA256",
  group: "X25519",
} as const;

const PATIENCE_MS = 10_000;
const REQUEST = `GET /small HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;

export interface Handshake {
  readonly version: string | null;
  readonly suite: string;
  readonly group: string | undefined;
  /** The protocol that was chosen by ALPN; undefined when none was. */
  readonly alpn: string | undefined;
  /** SHA-256 of the proxy's certificate. */
  readonly fingerprint: string | undefined;
  /** Tickets by which the session could be resumed; 0 over HTTP/2, where it is not asked for an answer. */
  readonly tickets: number;
}

/** Connects once, whatever the certificate; over HTTP/1.1 it also asks for an answer, since tickets come before it. */
export function shakeHands(port: number, alpn: "h2" | "http/1.1"): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      servername: HOST,
      rejectUnauthorized: false, // callers compare it
      minVersion: OFFERED.version,
      ciphers: OFFERED.suite,
      ecdhCurve: OFFERED.group,
      ALPNProtocols: [alpn],
    });
    let tickets = 0;
    const done = (): void => {
      resolve({ ...agreed(socket), tickets });
      socket.destroy();
    };
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("no handshake, or no answer, in 10 s")));
    socket.on("session", () => {
      tickets += 1;
    });
    const failed = (why: string): void =>
      reject(new BenchFailure(`no TLS connection to port ${port}: ${why}`));
    socket.on("error", ({ message }) => failed(message));
    socket.on("close", () => failed("it was closed"));
    socket.on("data", done);
    socket.on("secureConnect", () => {
      if (alpn === "h2") done();
      else socket.write(REQUEST);
    });
  });
}

function agreed(socket: TLSSocket): Omit<Handshake, "tickets"> {
  const key = socket.getEphemeralKeyInfo();
  return {
    version: socket.getProtocol(),
    suite: socket.getCipher().standardName,
    group: key !== null && "name" in key ? key.name : undefined,
    alpn: socket.alpnProtocol || undefined,
    fingerprint: socket.getPeerX509Certificate()?.fingerprint256,
  };
}

/** Checks that a proxy agrees on what the load offers, and shows the certificate that it was given. */
export async function verifyHandshake(
  name: string,
  port: number,
  access: Access,
): Promise<Handshake | undefined> {
  const { certificate, http2 } = access;
  if (certificate === undefined) return undefined;
  const alpn = http2 ? "h2" : "http/1.1";
  const found = await shakeHands(port, alpn);
  const { version, suite, group } = OFFERED;
  const wanted = { version, suite, group, alpn, fingerprint: certificate.fingerprint } as const;
  for (const [what, value] of Object.entries(wanted)) {
    const there = found[what as keyof typeof wanted];
    // Whoever knows no ALPN speaks HTTP/1.1 all the same.
    const fits = there === value || (what === "alpn" && there === undefined && !http2);
    must(fits, `${name}: a handshake gave ${what} ${there}, not ${value}`);
  }
  return found;
}
