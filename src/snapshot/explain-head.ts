import { isIP } from "node:net";
import type { Config, ListenerConfig } from "../config/schema.ts";
import { Failure } from "../errors/failure.ts";
import { readRequestHead } from "../http/request-reader.ts";
import { HeldBody } from "../lib/body.ts";
import { networkSet } from "../lib/ip.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "../lib/limits.ts";
import { normalizePath } from "../lib/path.ts";
import type { Peer, RequestHead } from "../lib/request.ts";

/** A request that is asked about. */
export interface RequestToExplain {
  readonly method: string;
  /** Absolute: http://host/path?query. */
  readonly url: string;
  /** Names and values, in order; one called host goes before that of the URL. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Address that it comes from; undefined: 127.0.0.1. */
  readonly from?: string | undefined;
  /** Name of the listener; undefined: the one with the URL's port, else the first. */
  readonly listener?: string | undefined;
  /** Text in UTF-8; default: none. */
  readonly body?: string | undefined;
}

/** A request that cannot be asked about; its message says why. */
export class ExplainProblem extends Error {}

/** A request as the walk meets it. */
export interface AskedRequest {
  readonly peer: Peer;
  /** What the wire makes of it: a head, or why it is refused. */
  readonly head: RequestHead | Failure;
  readonly url: UrlParts;
}

interface UrlParts {
  readonly scheme: string;
  readonly authority: string;
  readonly target: string;
}

/** Reads a request by what reads them from the wire. Throws an ExplainProblem. */
export function readAsked(asked: RequestToExplain, config: Config): AskedRequest {
  const url = partsOf(asked.url);
  const listener = listenerOf(asked, url, config);
  const { body } = asked;
  const fields = [...asked.fields];
  if (!has(fields, "host")) fields.unshift(["host", url.authority]);
  if (body !== undefined && !has(fields, "content-length") && !has(fields, "transfer-encoding"))
    fields.push(["content-length", String(Buffer.byteLength(body))]);
  const lines = fields.map(([name, value]) => `${oneLine(name)}: ${oneLine(value)}\r\n`);
  const bytes = Buffer.from(`${oneLine(asked.method)} ${url.target} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const limits = { ...DEFAULT_LIMITS, ...defined(config.limits), ...defined(listener.limits) };
  const head = readRequestHead(bytes, 0, bytes.length, limits as ListenerLimits, url.scheme);
  const peer = peerOf(asked.from, listener, url.scheme);
  if (head === undefined) throw new ExplainProblem("this is not a request");
  if (head instanceof Failure) return { peer, head, url };
  if (body !== undefined) head.body = new HeldBody(Buffer.from(body));
  const path = normalizePath(head.path, config.paths);
  if (path === undefined) return { peer, head: new Failure("path_invalid"), url };
  head.path = path;
  return { peer, head, url };
}

/** By text: a parser of URLs would make the path plain by rules of its own. */
function partsOf(url: string): UrlParts {
  const [, scheme, whole, path, query = ""] = /^(https?):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?/i.exec(url) ?? [];
  if (scheme === undefined || whole === undefined || /[\s\0]/.test(url))
    throw new ExplainProblem(`${JSON.stringify(url)} is not a URL; write http://host/path?query`);
  const lower = scheme.toLowerCase();
  const authority = whole.replace(/^.*@/, "").replace(lower === "https" ? /:443$/ : /:80$/, "");
  return { scheme: lower, authority, target: `${path === "" ? "/" : path}${query}` };
}

function listenerOf(
  { listener: name }: RequestToExplain,
  { authority }: UrlParts,
  { listeners }: Config,
): ListenerConfig {
  if (name !== undefined) {
    const named = listeners.find((listener) => listener.name === name);
    if (named !== undefined) return named;
    const names = listeners.map((listener) => listener.name).join(", ");
    throw new ExplainProblem(`there is no listener ${JSON.stringify(name)}; there is ${names}`);
  }
  const port = Number(/:([0-9]+)$/.exec(authority)?.[1] ?? 0);
  return listeners.find(({ address }) => port !== 0 && address.port === port) ?? listeners[0]!;
}

function peerOf(from: string | undefined, { name, address, trusted }: ListenerConfig, scheme: string): Peer {
  if (from !== undefined && isIP(from) === 0)
    throw new ExplainProblem(`${JSON.stringify(from)} is not an address; write 10.1.2.3 or 2001:db8::1`);
  const here = from ?? (address.socket === undefined ? "127.0.0.1" : "");
  const trusts = networkSet(trusted.filter((peer) => peer !== "unix"));
  return {
    address: here,
    port: 0,
    listener: name,
    trusted: here === "" ? trusted.includes("unix") : trusts(here),
    secure: scheme === "https",
    trusts,
    memo: undefined,
  };
}

function has(fields: readonly (readonly [string, string])[], wanted: string): boolean {
  return fields.some(([name]) => name.toLowerCase() === wanted);
}

function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text))
    throw new ExplainProblem("methods, names and values of fields stand on one line");
  return text;
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
