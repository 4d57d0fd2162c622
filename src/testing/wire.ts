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
import { startGateway } from "../supervisor/gateway.ts";
import { type PolicyRun, wholeConfig } from "./memory-gateway.ts";
import { bytesOf, type SentRequest, type ServiceFunction, type TestRequest } from "./messages.ts";

/** Runs one request through one policy in a real gateway, from a real client to a real service, all on 127.0.0.1. */
export async function runOnWire<Options extends z.ZodType>(
  definition: PolicyDefinition<Options>,
  options: z.input<Options>,
  request: TestRequest = {},
  service: ServiceFunction = () => Reply.text(200, "ok"),
): Promise<PolicyRun> {
  const over = Promise.withResolvers<Exchange>();
  const watch = definePolicy({
    name: "test-watch",
    phase: "receive",
    options: z.strictObject({}),
    compile: () => ({ log: (x) => void (x.depth === 0 && over.resolve(x)) }),
  });
  const sent: SentRequest[] = [];
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing, service, sent));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = { policies: [{ "test-watch": {} }, { [definition.name]: options }] };
  const gateway = await startGateway(wholeConfig(config, endpoint), { policies: [watch, definition] });
  try {
    const reply = await ask(gateway.port(), request);
    return { reply, sent, exchange: await over.promise };
  } finally {
    await gateway.stop(1_000);
    server.close();
    server.closeAllConnections();
  }
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  service: ServiceFunction,
  sent: SentRequest[],
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
  const { method = "", url: target = "", headers, socket, rawTrailers } = incoming;
  const endpoint = `http://${socket.localAddress}:${socket.localPort}`;
  const fields = Fields.from(pairs(incoming.rawHeaders));
  const trailers = rawTrailers.length > 0 ? Fields.from(pairs(rawTrailers)) : undefined;
  const request = { endpoint, method, target, fields, headers, body, trailers, signal: gone.signal };
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
      end: (last) => {
        if (last) outgoing.addTrailers([...last.entries()]);
        outgoing.end();
      },
      fail: () => outgoing.destroy(),
    });
}

async function ask(port: number, test: TestRequest): Promise<MemoryReply> {
  const { method = "GET", target: path = "/", host = "a.example", fields, body, trailers } = test;
  const at = { port, host: "127.0.0.1", agent: false, method, path, headers: { host, ...fields } };
  const outgoing = open(at);
  const informational: { status: number; fields: Fields }[] = [];
  outgoing.on("information", ({ statusCode, rawHeaders }) => {
    informational.push({ status: statusCode, fields: Fields.from(pairs(rawHeaders)) });
  });
  const list = typeof body === "string" || body instanceof Uint8Array ? undefined : body;
  for (const piece of list ?? []) outgoing.write(bytesOf(piece));
  if (trailers) outgoing.addTrailers(Object.entries(trailers));
  outgoing.end(list === undefined && body !== undefined ? bytesOf(body as string | Uint8Array) : undefined);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const content = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>));
  return {
    status: answer.statusCode!,
    fields: Fields.from(pairs(answer.rawHeaders)),
    body: content,
    trailers: answer.rawTrailers.length > 0 ? Fields.from(pairs(answer.rawTrailers)) : undefined,
    informational,
  };
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, nth) => [raw[2 * nth]!, raw[2 * nth + 1]!]);
}
