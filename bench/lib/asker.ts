import { type Asked, ask, oneConnection, type Question } from "./ask.ts";
import { Http2Asker } from "./ask-http2.ts";
import type { Certificate } from "./certificate.ts";
import { must } from "./failure.ts";

/** How clients reach a proxy; by default with HTTP/1.1 and without TLS. */
export interface Access {
  /** The certificate that it shows: clients speak TLS. */
  readonly certificate?: Certificate | undefined;
  /** True: HTTP/2, over TLS. */
  readonly http2?: boolean | undefined;
}

/** Asks one proxy as its clients will. */
export interface Asker extends Disposable {
  ask(path: string, question?: Question): Promise<Asked>;
}

/** An asker with a connection for each request, or one for all; HTTP/2 has one for all. */
export function askerOf(port: number, { certificate, http2 }: Access, connections: "each" | "one"): Asker {
  if (http2) {
    must(certificate !== undefined, "HTTP/2 wants a certificate here");
    return new Http2Asker(port, certificate);
  }
  const agent = connections === "one" ? oneConnection(certificate) : undefined;
  return {
    ask: (path, question) => ask(port, path, { ...question, agent, certificate }),
    [Symbol.dispose]: () => agent?.destroy(),
  };
}
