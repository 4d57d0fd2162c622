/** A real authorization service of Envoy's contract, by @grpc/grpc-js. */
import { fileURLToPath } from "node:url";
import {
  type handleUnaryCall,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { PemPair } from "./grpc.ts";

/** What it is asked, with the names of the contract. */
export interface CheckAsked {
  readonly attributes: {
    readonly source: { readonly address: unknown; readonly principal: string };
    readonly destination: { readonly service: string };
    readonly request: {
      readonly time: { readonly seconds: unknown };
      readonly http: {
        readonly id: string;
        readonly method: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly path: string;
        readonly host: string;
        readonly scheme: string;
        readonly size: string;
        readonly protocol: string;
        readonly body: string;
        readonly raw_body: Buffer;
      };
    };
    readonly context_extensions: Readonly<Record<string, string>>;
    readonly metadata_context: { readonly filter_metadata: Readonly<Record<string, unknown>> };
  };
}

/** Decides; undefined never answers, a number is a status of gRPC. */
export type Check = (asked: CheckAsked) => object | number | undefined | Promise<object | number | undefined>;

/** One that runs. */
export interface CheckService extends AsyncDisposable {
  /** As a config names it. */
  readonly url: string;
  readonly asked: CheckAsked[];
  /** Milliseconds that the last call might have taken. */
  readonly deadlines: number[];
}

const loaded = loadPackageDefinition(
  loadSync(fileURLToPath(new URL("check.proto", import.meta.url)), {
    keepCase: true,
    defaults: true,
    longs: String,
    oneofs: true,
  }),
) as unknown as { envoy: { service: { auth: { v3: { Authorization: ServiceClientConstructor } } } } };

/** Starts it on a port of 127.0.0.1; with `tls` it speaks only that. */
export async function startCheckService(check: Check, tls?: PemPair): Promise<CheckService> {
  const asked: CheckAsked[] = [];
  const deadlines: number[] = [];
  const answer: handleUnaryCall<CheckAsked, object> = async (call, done) => {
    asked.push(call.request);
    deadlines.push(Number(call.getDeadline()) - Date.now());
    const said = await check(call.request);
    if (typeof said === "number") done({ code: said, message: status[said] ?? "" } as never);
    else if (said !== undefined) done(null, said);
  };
  const server = new Server();
  server.addService(loaded.envoy.service.auth.v3.Authorization.service, { Check: answer });
  const pair = tls && { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  const credentials =
    pair === undefined ? ServerCredentials.createInsecure() : ServerCredentials.createSsl(null, [pair]);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error ? reject(error) : resolve(port)));
  const url = `${tls ? "https" : "h2c"}://127.0.0.1:${await promise}`;
  return { url, asked, deadlines, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}
