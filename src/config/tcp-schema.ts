import { z } from "zod";
import { duration } from "./values.ts";

const HOST = /^(?:\*\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+$/;

/** A listener whose connections are led to a service byte by byte. */
export interface TcpConfig {
  /** The service of all connections; undefined where the host decides. */
  readonly service?: string | undefined;
  /** Services by the host that a TLS ClientHello names; TLS goes through untouched. */
  readonly sni?: Readonly<Record<string, string>> | undefined;
  /** The service for hosts that are not among them; undefined: refused. */
  readonly default?: string | undefined;
  /** How long neither end may send anything, in milliseconds; 0 for ever. */
  readonly idleTimeout: number;
}

/** `tcp` of a listener. */
export const listenerTcp: z.ZodType<TcpConfig> = z.strictObject({
  service: z.string().optional().describe("The service that every connection is led to."),
  sni: z
    .record(
      z.string().toLowerCase().regex(HOST, "is not a host; write a name without a port, or *.name"),
      z.string(),
    )
    .optional()
    .meta({ examples: [{ "a.example": "a", "*.b.example": "b" }] })
    .describe(
      "Services by the host that the client asks for (TLS, passed through untouched): the host itself, else *. and the nearest parent.",
    ),
  default: z
    .string()
    .optional()
    .describe(
      "The service for hosts that are not in sni, and for clients that name none; left out: refused.",
    ),
  idleTimeout: duration
    .default(3_600_000)
    .describe("How long neither end may send anything; 0 for ever (default 1h)."),
}) as unknown as z.ZodType<TcpConfig>;
