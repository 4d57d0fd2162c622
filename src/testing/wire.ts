import { once } from "node:events";
import { createServer, type IncomingMessage, request as open, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { ownedCopy, startBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { MemoryReply } from "../pipeline/memory-downstream.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { startGateway } from "../supervisor/start-gateway.ts";
import { type PolicyCompany, type PolicyRun, wholeConfig } from "./memory-gateway.ts";
import type { SentRequest, ServiceFunction, TestRequest } from "./messages.ts";

/** Runs one request through one policy in a real gateway, from a real client to a real service, all on 127.0.0.1. */
export async function runOnWire<Options extends z.ZodType>(
  definition: PolicyDefinition<Options>,
  options: z.input<Options>,
  request: TestRequest = {},
  service: ServiceFunction = () => Reply.text(200, "ok"),
  { consumers = [], beside = [] }: PolicyCompany = {},
): Promise<PolicyRun> {
  const over = Promise.withResolvers<Exchange>();
  over.promise.catch(() => undefined); // heard of below, behind the answer
  const watch = definePolicy({
    name: "test-watch",
    phase: "receive",
    options: z.strictObject({}),
    compile: () => ({ log: (x) => void (x.depth === 0 && over.resolve(x)) }),
  });
  const sent: SentRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, service, sent).catch((error: unknown) => {
      over.reject(error);
      outgoing.destroy();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = { policies: [{ "test-watch": {} }, { [definition.name]: options }], consumers };
  const policies = [watch, definition, ...beside];
  const gateway = await startGateway(wholeConfig(config, endpoint), { policies });
  try {
    const reply = await ask(gateway.port(), request);
    return { reply, sent, exchange: await over.promise };
  } finally {
    await gateway.stop(1_000);
    server.close().closeAllConnections();
  }
}

/** @internal Answers a request of node:http by the function. */
export async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  service: ServiceFunction,
  sent: SentRequest[],
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const { method = "", url: target = "", socket, rawHeaders } = incoming;
  const head = { endpoint: `http://${socket.localAddress}:${socket.localPort}`, method, target };
  const whole = { fields: Fields.from(pairs(rawHeaders)), ...(await contentOf(incoming)) };
  const request = { ...head, ...whole, signal: gone.signal };
  sent.push(request);
  const reply = await service(request);
  if (reply instanceof Failure) {
    socket.destroy();
    return;
  }
  outgoing.writeHead(reply.status, [...reply.fields.entries()].flat());
  if (reply.body === undefined) outgoing.end();
  else
    startBody(reply.body, {
      data: (chunk) => outgoing.write(ownedCopy(chunk)) || true,
      end: (trailers) => {
        if (trailers) outgoing.addTrailers([...trailers.entries()]);
        outgoing.end();
      },
      fail: () => outgoing.destroy(),
    });
}

/** @internal Sends a request with node:http and waits for the whole answer. */
export async function ask(port: number, test: TestRequest): Promise<MemoryReply> {
  const { method = "GET", target: path = "/", host = "a.example", fields, body, trailers } = test;
  const whole = typeof body === "string" || body instanceof Uint8Array;
  const framing = whole || body === undefined ? {} : { "transfer-encoding": "chunked" };
  const headers = { host, ...framing, ...fields };
  const outgoing = open({ port, host: "127.0.0.1", agent: false, method, path, headers });
  const informational: { status: number; fields: Fields }[] = [];
  outgoing.on("information", ({ statusCode: status, rawHeaders }) => {
    informational.push({ status, fields: Fields.from(pairs(rawHeaders)) });
  });
  if (!whole) for (const piece of body ?? []) outgoing.write(piece);
  if (trailers) outgoing.addTrailers(Object.entries(trailers));
  outgoing.end(whole ? body : undefined);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const fieldsOfAnswer = Fields.from(pairs(answer.rawHeaders));
  return { status: answer.statusCode!, fields: fieldsOfAnswer, ...(await contentOf(answer)), informational };
}

async function contentOf(message: IncomingMessage): Promise<{ body: Buffer; trailers: Fields | undefined }> {
  const body = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>));
  const { rawTrailers } = message;
  return { body, trailers: rawTrailers.length > 0 ? Fields.from(pairs(rawTrailers)) : undefined };
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, nth) => [raw[2 * nth]!, raw[2 * nth + 1]!]);
}
