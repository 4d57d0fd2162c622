import { z } from "zod";
import type { CallRequest } from "../pipeline/calls.ts";
import type { PolicyEnv } from "../pipeline/policy.ts";
import { shownUrl, urlProblem } from "./safe-url.ts";

/** Where a server is asked, as written: by an address, or by a service of the config. */
export interface ServerAddress {
  readonly url?: string | undefined;
  readonly service?: string | undefined;
  readonly path?: string | undefined;
  readonly allowHttp: boolean;
}

/** The options of a server's address. */
export const serverAddress: {
  readonly url: z.ZodOptional<z.ZodString>;
  readonly service: z.ZodOptional<z.ZodString>;
  readonly path: z.ZodOptional<z.ZodString>;
  readonly allowHttp: z.ZodDefault<z.ZodBoolean>;
} = {
  url: z.string().optional().describe("Address that is asked; with https, but on this machine."),
  service: z.string().optional().describe("Service of the config that is asked instead of an address."),
  path: z.string().startsWith("/").optional().describe("Path at the service."),
  allowHttp: z.boolean().default(false).describe("The address may be one without TLS (default false)."),
};

/** Whom to ask, and how messages name it. Throws an Error for an address that is none, or not to be trusted. */
export function compileAddress(
  { url, service, path, allowHttp }: ServerAddress,
  env: PolicyEnv,
): { readonly to: CallRequest["to"]; readonly name: string } {
  if ((url === undefined) === (service === undefined)) throw new Error("write one of url and service");
  if (service !== undefined) {
    if (path === undefined) throw new Error("path: write the path that is asked at the service");
    env.needs("service", service);
    return { to: { service, path }, name: service };
  }
  if (path !== undefined) throw new Error("path: belongs to service; write it as a part of url");
  const problem = urlProblem(url!, allowHttp);
  if (problem !== undefined) throw new Error(`url: ${problem}`);
  return { to: { url: url! }, name: shownUrl(url!) };
}
