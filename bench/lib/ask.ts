import { Agent, request } from "node:http";

export interface Asked {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Question {
  readonly method?: string;
  readonly host?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly agent?: Agent;
}

/** One request to a port of 127.0.0.1; without an agent on a connection of its own. */
export function ask(port: number, path: string, question: Question = {}): Promise<Asked> {
  const { method = "GET", host = "shop.example", fields = {}, body, agent } = question;
  const headers: Record<string, string> = { host, ...fields };
  if (body) headers["content-length"] = String(body.length);
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, path, method, headers, agent: agent ?? false, timeout: 20_000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const received = Object.entries(answer.headersDistinct).map(([name, values]) => [
            name,
            (values ?? []).join(", "),
          ]);
          const named = Object.fromEntries(received) as Record<string, string>;
          resolve({ status: answer.statusCode ?? 0, fields: named, body: Buffer.concat(chunks) });
        });
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`no answer to ${method} ${path} within 20 s`)));
    asked.on("error", reject);
    asked.end(body);
  });
}

/** An agent that keeps one connection and sends one request after the other on it. */
export function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}
