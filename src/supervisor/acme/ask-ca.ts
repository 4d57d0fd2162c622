import { request } from "node:https";
import { getCACertificates } from "node:tls";
import { retryAfter } from "./renewal.ts";

/** How long one request to a CA may take, in milliseconds. */
const PATIENCE = 30_000;
/** Characters of an answer at most. */
const MAX_ANSWER = 1_048_576;

/** What a CA answered. */
export interface CaAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string;
}

/** By the origin of a CA's URLs: certificates by which it is believed beside those that the system trusts. */
const trusted = new Map<string, string>();
/** Until when a CA wants to be left alone, in milliseconds since 1970, by the origin of its URLs. */
const quietUntil = new Map<string, number>();

/** Believes a CA's own server by these certificates too (PEM text). */
export function trustCa(directory: string, ca: string | undefined): void {
  const { origin } = new URL(directory);
  if (ca === undefined) trusted.delete(origin);
  else trusted.set(origin, ca);
}

/** How long a CA wants to be left alone, in milliseconds from now. */
export function quietFor(directory: string): number {
  return Math.max(0, (quietUntil.get(new URL(directory).origin) ?? 0) - Date.now());
}

/** Asks a CA, by https only. Rejects with an Error in words when no whole answer comes. The process does not wait for it at its end. */
export function askCa(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<CaAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<CaAnswer>();
  const { origin, host, protocol } = new URL(url);
  const fail = (why: string): void => reject(new Error(`the CA's server ${host} cannot be asked: ${why}`));
  if (protocol !== "https:") {
    fail("its address is not https");
    return promise;
  }
  const extra = trusted.get(origin);
  const asked = request(url, {
    method: method.toUpperCase(),
    headers: { ...headers, "user-agent": "torana" },
    agent: false,
    ...(extra !== undefined && { ca: [...getCACertificates("default"), extra] }),
  });
  const timer = setTimeout(
    () => asked.destroy(new Error(`no answer within ${PATIENCE / 1_000} s`)),
    PATIENCE,
  );
  timer.unref();
  asked.on("socket", (socket) => socket.unref());
  asked.on("error", (error) => fail(error.message || ((error as NodeJS.ErrnoException).code ?? "it failed")));
  asked.on("close", () => {
    clearTimeout(timer);
    fail("the connection ended"); // nothing happens where there is an answer
  });
  asked.on("response", (response) => {
    let data = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      data += chunk;
      if (data.length > MAX_ANSWER) asked.destroy(new Error("its answer is too long"));
    });
    response.on("end", () => {
      const status = response.statusCode ?? 0;
      const wait = retryAfter(response.headers["retry-after"], Date.now());
      if (status >= 400 && wait > 0) quietUntil.set(origin, Date.now() + wait);
      resolve({ status, headers: plain(response.headers), data });
    });
    response.on("error", (error) => fail(error.message));
  });
  asked.end(body);
  return promise;
}

function plain(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}
