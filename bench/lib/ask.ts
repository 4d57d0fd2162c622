import { Agent, type IncomingMessage, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { type Certificate, HOST } from "./certificate.ts";

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
  readonly agent?: Agent | undefined;
  /** What the proxy must show: the request goes over TLS. */
  readonly certificate?: Certificate | undefined;
}

/** One request to a port of 127.0.0.1; without an agent on a connection of its own. */
export function ask(port: number, path: string, question: Question = {}): Promise<Asked> {
  const { method = "GET", host = HOST, fields = {}, body, agent, certificate } = question;
  const headers: Record<string, string> = { host, ...fields };
  if (body) headers["content-length"] = String(body.length);
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: "127.0.0.1",
      path,
      method,
      headers,
      agent: agent ?? false,
      timeout: 20_000,
    };
    const onAnswer = (answer: IncomingMessage): void => {
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
    };
    const asked = certificate
      ? secureRequest({ ...options, ca: certificate.text, servername: HOST }, onAnswer)
      : request(options, onAnswer);
    asked.on("timeout", () => asked.destroy(new Error(`no answer to ${method} ${path} within 20 s`)));
    asked.on("error", reject);
    asked.end(body);
  });
}

/** An agent that keeps one connection and sends one request after the other on it. */
export function oneConnection(certificate?: Certificate): Agent {
  const options = { keepAlive: true, maxSockets: 1 };
  return certificate ? new SecureAgent(options) : new Agent(options);
}
