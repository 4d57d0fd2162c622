import { z } from "zod";
import { duration, oneOrMany } from "../config/values.ts";
import { FieldNames } from "../identity/client-copies.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { compileAddress, serverAddress } from "../identity/server-address.ts";
import { type NoToken, type ServiceToken, ServiceTokens } from "../identity/service-tokens.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { type AttemptView, definePolicy, type PolicyDefinition, type Verdict } from "../pipeline/policy.ts";
import { editableField } from "../pipeline/template-options.ts";

/** Sends requests to a service with a token that the gateway got for itself (OAuth 2.0 client credentials). */
export const clientCredentials: PolicyDefinition = definePolicy({
  name: "client-credentials",
  phase: "forward",
  options: z.strictObject({
    ...serverAddress,
    clientId: z.string().min(1).describe("Name by which the gateway asks for tokens."),
    clientSecret: z.string().min(1).meta({ secret: true }).describe("Secret by which it asks."),
    auth: z
      .enum(["basic", "post"])
      .default("basic")
      .describe("How it says both: by Authorization (default), or by post."),
    scopes: oneOrMany(z.string().min(1)).describe("Scopes that are asked for (default: none)."),
    parameters: z
      .record(z.string(), z.string())
      .default({})
      .describe("What else is asked for: audience, resource (default: nothing)."),
    header: editableField
      .default("authorization")
      .describe("Field that carries the token (default authorization), behind the word Bearer."),
    timeout: duration.default(5_000).describe("How long the server may take to answer (default 5s)."),
  }),
  reasons: {
    client_credentials_unavailable: {
      status: 503,
      source: "gateway",
      title: "No token for the service can be had now.",
    },
    client_credentials_refused: {
      status: 502,
      source: "gateway",
      title: "The gateway was refused a token for the service.",
    },
  },
  compile(given, env) {
    const { clientId, clientSecret, auth, scopes, parameters, timeout } = given;
    const header = given.header.toLowerCase();
    const copies = new FieldNames([header]);
    const { to, name } = compileAddress(given, env);
    const form = { ...(scopes.length > 0 && { scope: scopes.join(" ") }), ...parameters };
    const tokens = env.keep(
      `client-credentials ${fingerprint(given)}`,
      () =>
        new ServiceTokens({
          ...{ to, name, form, timeout },
          login: { clientId, clientSecret, auth },
          caller: env.caller,
          clock: env.clock,
          tell: (line) => env.tell(line),
        }),
    );
    const used = env.slot<ServiceToken>();
    const settle = (
      x: Exchange,
      { request }: AttemptView,
      found: ServiceToken | NoToken,
    ): Reply | undefined => {
      if (typeof found === "string") return x.reject(`client_credentials_${found}`);
      used.set(x, found);
      copies.removeFrom(request.fields);
      request.fields.put(header, `Bearer ${found.value}`);
      return undefined;
    };
    return {
      attempt: (x, attempt): Promise<Verdict> | undefined => {
        const found = tokens.current();
        if (found instanceof Promise) return found.then((late) => settle(x, attempt, late));
        const refused = settle(x, attempt, found);
        return refused === undefined ? undefined : Promise.resolve(refused);
      },
      response: (x, reply) => {
        const token = used.get(x);
        if (token !== undefined && reply.status === 401 && x.failure === undefined) tokens.drop(token);
        return undefined;
      },
    };
  },
});
