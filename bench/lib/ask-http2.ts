import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import type { Asked, Question } from "./ask.ts";
import type { Asker } from "./asker.ts";
import { type Certificate, HOST } from "./certificate.ts";

const PATIENCE_MS = 20_000;

/** Requests to one port of 127.0.0.1 over one HTTP/2 connection in TLS. */
export class Http2Asker implements Asker {
  readonly #session: ClientHttp2Session;

  constructor(port: number, { text }: Certificate) {
    this.#session = connect(`https://127.0.0.1:${port}`, { ca: text, servername: HOST });
    this.#session.on("error", () => {}); // the requests tell it
  }

  ask(path: string, question: Question = {}): Promise<Asked> {
    const { method = "GET", host = HOST, fields = {}, body } = question;
    const head: Record<string, string> = { ":method": method, ":path": path, ":authority": host, ...fields };
    if (body) head["content-length"] = String(body.length);
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(head, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let received: IncomingHttpHeaders = {};
      stream.on("response", (fields) => {
        received = fields;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { ":status": status, ...named } = received;
        resolve({ status: Number(status), fields: textsOf(named), body: Buffer.concat(chunks) });
      });
      stream.on("error", reject);
      stream.on("close", () => reject(new Error(`${method} ${path} was not answered`)));
      stream.setTimeout(PATIENCE_MS, () =>
        stream.destroy(new Error(`no answer to ${method} ${path} in 20 s`)),
      );
      if (body) stream.end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

function textsOf(fields: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : `${value}`,
    ]),
  );
}
