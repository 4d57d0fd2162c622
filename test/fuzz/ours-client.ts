import { STATUS_CODES } from "node:http";
import { join } from "node:path";
import { SHARED } from "../../src/http/buffers.ts";
import { ClientConnection } from "../../src/http/client-connection.ts";
import { UNTIL_CLOSE } from "../../src/http/framing.ts";
import type { ResponseHead } from "../../src/http/response-reader.ts";
import { Transport, type TransportOwner } from "../../src/http/transport.ts";
import { type Body, HeldBody, startBody } from "../../src/lib/body.ts";
import { Fields } from "../../src/lib/fields.ts";
import { DEFAULT_LIMITS } from "../../src/lib/limits.ts";
import { Outgoing } from "../../src/lib/outgoing.ts";
import { arrive, forget } from "./arrive.ts";
import { BodyReader, type Turns } from "./body-reader.ts";
import type { Message, Reading } from "./reading.ts";

/** Nobody listens there: the socket is given up before it could know, and only its connection reads. */
const NOWHERE = { path: join(import.meta.dirname, "nowhere.sock") };
const NOBODY: TransportOwner = {
  received: () => true,
  ended: () => undefined,
  drained: () => undefined,
  writeFailed: () => undefined,
  closed: () => undefined,
  sweep: () => undefined,
};
const TIMEOUTS = { connect: 0, response: 0, idle: 0 };

/** Reads a service's bytes, in these pieces, by a real connection that sent one request. */
export function readAsClient(
  pieces: readonly Buffer[],
  method: string,
  turns: Turns,
  reused: boolean,
): Reading {
  const messages: Message[] = [];
  let refusal: string | undefined;
  const refuse = (failure: { code: string; detail?: string | undefined }): void => {
    refusal ??= `${failure.code}: ${failure.detail ?? ""}`;
  };
  const owner = { freed: () => undefined, gone: () => undefined };
  const transport = Transport.connect(NOBODY, NOWHERE, "data");
  const connection = new ClientConnection(owner, transport, TIMEOUTS, DEFAULT_LIMITS, 0);
  connection.send(new Outgoing(method, "a", "/", "", new Fields(), undefined), "", {
    informational: (head) => messages.push(messageOf(head, true)),
    answered: (head, body) => {
      const message = messageOf(head, body === undefined);
      messages.push(message);
      turns.run(() => readBody(body, message, turns, refuse));
    },
    failed: refuse,
  });
  for (const piece of pieces) {
    const goOn = feed(connection, piece, reused);
    if (!goOn && !turns.slow) refusal ??= "STALLED: reading stopped and nothing resumes it";
    turns.flush();
  }
  connection.ended();
  turns.flush();
  connection.close();
  return { messages, refusal };
}

function feed(connection: ClientConnection, piece: Buffer, reused: boolean): boolean {
  const bytes = arrive(piece, reused);
  const goOn = connection.received(bytes, piece.length, bytes === SHARED);
  forget(bytes);
  return goOn;
}

function messageOf(head: ResponseHead, complete: boolean): Message {
  return {
    method: "",
    target: "",
    authority: undefined,
    status: head.status,
    phrase: head.phrase ?? STATUS_CODES[head.status] ?? "",
    version: undefined,
    fields: [...head.fields.entries()],
    body: "",
    trailers: [],
    persistent: head.persistent && head.framing !== UNTIL_CLOSE,
    complete,
  };
}

function readBody(
  body: Body | undefined,
  message: Message,
  turns: Turns,
  refuse: (failure: { code: string; detail?: string | undefined }) => void,
): void {
  if (body === undefined) return;
  const source = body instanceof HeldBody ? undefined : body;
  startBody(
    body,
    new BodyReader(message, source, turns, (failure) => {
      if (failure !== undefined) refuse(failure);
    }),
  );
}
