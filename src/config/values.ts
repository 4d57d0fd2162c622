import { isIP } from "node:net";
import { z } from "zod";
import { networkSet } from "../lib/ip.ts";

/** Where a listener listens: an IP address and a port, or a Unix socket. */
export interface ListenAddress {
  /** Empty for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket. */
  readonly socket: string | undefined;
}

export type EndpointScheme = "http" | "https" | "h2c" | "tcp" | "unix";

/** Ports where none is written; tcp has none. */
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, h2c: 80 };

/** One address of a service. */
export interface EndpointConfig {
  /** As it was written. */
  readonly url: string;
  /** What it speaks; a Unix socket may speak HTTP/1.1, or anything where a TCP listener leads there. */
  readonly scheme: EndpointScheme;
  /** Empty for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket. */
  readonly socket: string | undefined;
  /** Host and, where it was written, port. */
  readonly authority: string;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time: a number with ms, s, m, h or d; in milliseconds once read. */
export const duration: z.ZodType<number> = z
  .union([z.string(), z.int().min(0)])
  .meta({ title: "a time", examples: ["10s"] })
  .transform((value, context) => {
    if (typeof value === "number") return value;
    const [, number, unit = ""] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$/.exec(value) ?? [];
    if (number !== undefined) return Math.round(Number(number) * UNITS[unit]!);
    context.addIssue({
      code: "custom",
      message: "not a time; write a number and a unit: 500ms, 10s, 5m, 1h",
    });
    return z.NEVER;
  });

/** `host:port`, `[address]:port`, `:port` or `unix:/path`. */
export const listenAddress: z.ZodType<ListenAddress> = z
  .string()
  .meta({ title: "an address", examples: ["0.0.0.0:8080"] })
  .transform((value, context) => {
    if (/^unix:\/[^\0]+$/.test(value)) return { host: "", port: 0, socket: value.slice(5) };
    const [, bracketed, plain = "", port] =
      /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(value) ?? [];
    const host = bracketed ?? (plain === "" ? "0.0.0.0" : plain);
    if (port !== undefined && Number(port) <= 65_535 && (host === "localhost" || isIP(host) !== 0))
      return { host: host === "localhost" ? "127.0.0.1" : host, port: Number(port), socket: undefined };
    context.addIssue({
      code: "custom",
      message: "not an address; write an IP address and a port: 0.0.0.0:8080; or unix:/path",
    });
    return z.NEVER;
  });

/** `http://host:port`, `https://host:port`, `h2c://host:port`, `tcp://host:port`, or `unix:/path`. */
export const serviceUrl: z.ZodType<EndpointConfig> = z
  .string()
  .meta({ title: "an endpoint", examples: ["http://127.0.0.1:9001"] })
  .transform((value, context) => {
    if (/^unix:\/[^\0]+$/.test(value))
      return {
        url: value,
        scheme: "unix",
        host: "",
        port: 0,
        socket: value.slice(5),
        authority: "localhost",
      };
    const [, scheme = "", host = "", written] =
      /^(https?|h2c|tcp):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?\/?$/.exec(value) ?? [];
    const port = Number(written ?? PORTS[scheme] ?? 0);
    if (port >= 1 && port <= 65_535)
      return {
        url: value,
        scheme: scheme as EndpointScheme,
        host: host.replace(/^\[|\]$/g, ""),
        port,
        socket: undefined,
        authority: written === undefined ? host : `${host}:${port}`,
      };
    context.addIssue({
      code: "custom",
      message:
        "not an endpoint; write http://host:port, https://host:port or h2c://host:port without a path, tcp://host:port, or unix:/path",
    });
    return z.NEVER;
  });

export const hostName: z.ZodType<string> = z
  .string()
  .meta({ title: "a host", examples: ["api.example.com"] })
  .transform((value) => value.toLowerCase())
  .refine(
    (value) =>
      /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$|^\[[0-9a-f:.]+\]$/.test(
        value,
      ),
    {
      message: "not a host; write a name without a port, or *.name",
    },
  );

/** A path: exact, with `{parameters}`, a prefix that ends in `/*`; or an expression. */
export type PathCondition = string | { readonly regex: string };

const SEGMENT = /^(?:[^*?#\s{}]*|\{[A-Za-z_][A-Za-z0-9_]*\})$/;

function isPathPattern(value: string): boolean {
  if (!value.startsWith("/")) return false;
  const segments = value.slice(1).split("/");
  if (segments.at(-1) === "*") segments.pop();
  const names = segments.filter((segment) => segment.startsWith("{"));
  return segments.every((segment) => SEGMENT.test(segment)) && new Set(names).size === names.length;
}

/** The text of a regular expression. */
export const regexText: z.ZodType<string> = z
  .string()
  .superRefine((value, context) => {
    try {
      new RegExp(value, "u");
    } catch (error) {
      context.addIssue({
        code: "custom",
        message: `not a regular expression: ${(error as Error).message}; correct it, or escape its signs by \\`,
      });
    }
  })
  .meta({ title: "a regular expression", examples: ["[a-z]+"] });

export const pathCondition: z.ZodType<PathCondition> = z
  .union([
    z.string().refine(isPathPattern, {
      message: "not a path; write /exact/path, /with/{parameter}, or /path/* for all below it",
    }),
    z.strictObject({ regex: regexText.describe("An expression that the whole path matches.") }),
  ])
  .meta({ title: "a path", examples: ["/orders/*"] });

export const networks: z.ZodType<string[]> = z.array(
  z
    .string()
    .refine((value) => isNetwork(value), { message: "not a network; write an address or 10.0.0.0/8" })
    .meta({ title: "a network", examples: ["10.0.0.0/8"] }),
);

/** Peers that are believed: networks, and "unix" for whoever connects by a Unix socket. */
export const trustedPeers: z.ZodType<string[]> = z.array(
  z
    .string()
    .refine((value) => value === "unix" || isNetwork(value), {
      message: "not a network; write an address, 10.0.0.0/8, or unix",
    })
    .meta({ title: "a network, or unix", examples: ["10.0.0.0/8"] }),
);

function isNetwork(value: string): boolean {
  try {
    networkSet([value]);
    return true;
  } catch {
    return false;
  }
}

/** One of something, or a list of it; left out: an empty list. */
export function oneOrMany<T>(one: z.ZodType<T>): z.ZodType<T[]> {
  return z
    .union([one, z.array(one)])
    .optional()
    .transform((value): T[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]));
}
