import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { duration } from "../config/values.ts";
import { Fields } from "../lib/fields.ts";
import type { PolicyEnv } from "../pipeline/policy.ts";
import { Revocations } from "./revocations.ts";
import { EVERY_MIN, shownUrl, urlProblem } from "./safe-url.ts";

/** Where the list of revoked tokens comes from. */
export const revokedOptions: z.ZodType<RevokedConfig> = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Path of a file with the list, from where the gateway was started; read again when it changes.",
      ),
    url: z.string().optional().describe("Address that gives the list."),
    service: z.string().optional().describe("Service of the config that gives the list, at path."),
    path: z.string().startsWith("/").default("/").describe("Path at the service (default /)."),
    every: duration.default(10_000).describe("How often it is looked at (default 10s)."),
    staleFor: duration
      .default(3_600_000)
      .describe(
        "How long the last list is believed while there is no newer one (default 1h); then all tokens are refused with 503.",
      ),
    allowHttp: z.boolean().default(false).describe("The url may be one without TLS (default false)."),
  })
  .superRefine((options, context) => {
    const { file, url, service, every, allowHttp } = options;
    if (every < EVERY_MIN)
      context.addIssue({
        code: "custom",
        path: ["every"],
        message: "would ask without end; write 1s or more",
      });
    if ([file, url, service].filter((one) => one !== undefined).length !== 1)
      context.addIssue({ code: "custom", message: "write one of file, url and service" });
    const problem = url === undefined ? undefined : urlProblem(url, allowHttp);
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["url"], message: problem });
  });

export interface RevokedConfig {
  readonly file?: string | undefined;
  readonly url?: string | undefined;
  readonly service?: string | undefined;
  readonly path: string;
  readonly every: number;
  readonly staleFor: number;
  readonly allowHttp: boolean;
}

const LIST_MAX = 64 * 1_048_576;

/** The list of revoked tokens, shared by all policies of a thread that name the same. Throws an Error for a file that is none. */
export function compileRevoked(options: RevokedConfig, env: PolicyEnv): Revocations {
  const { file, service } = options;
  if (service !== undefined) env.needs("service", service);
  return env.keep(`revoked ${JSON.stringify(options)}`, () =>
    file === undefined ? fromOutside(options, env) : fromFile(file, options, env),
  );
}

function fromFile(file: string, { every, staleFor }: RevokedConfig, env: PolicyEnv): Revocations {
  let seen = "";
  const load = async (): Promise<Uint8Array | undefined> => {
    const { mtimeMs, size, ino } = await stat(file);
    const version = `${mtimeMs} ${size} ${ino}`;
    if (version === seen) return undefined;
    const list = await readFile(file);
    seen = version;
    return list;
  };
  const { clock } = env;
  try {
    const tell = (line: string): void => env.tell(line);
    return new Revocations({ load, name: file, every, staleFor, clock, tell }, readFileSync(file));
  } catch (error) {
    throw new Error(
      `revoked.file: ${(error as Error).message}; write a file with a JSON list: [{ "jti": "…" }, { "sub": "…", "before": 1790000000 }]`,
    );
  }
}

function fromOutside(options: RevokedConfig, env: PolicyEnv): Revocations {
  const { url, service, path, every, staleFor } = options;
  const { caller, clock } = env;
  const to = service === undefined ? { url: url! } : { service, path };
  const fields = Fields.from({ accept: "application/json" });
  const load = async (): Promise<Uint8Array> => {
    const { status, body } = await caller.call({ to, fields, timeout: 10_000, max: LIST_MAX });
    if (status !== 200) throw new Error(`it answered with status ${status}`);
    return body;
  };
  const name = service ?? shownUrl(url!);
  return new Revocations({ load, name, every, staleFor, clock, tell: (line) => env.tell(line) });
}
