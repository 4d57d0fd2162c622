import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Failure } from "../../src/errors/failure.ts";
import { SHARED } from "../../src/http/buffers.ts";
import { ServerConnection } from "../../src/http/server-connection.ts";
import { Transport } from "../../src/http/transport.ts";
import { type Body, type BodySource, HeldBody, startBody } from "../../src/lib/body.ts";
import { Fields } from "../../src/lib/fields.ts";
import { DEFAULT_HTTP2, DEFAULT_LIMITS, type ListenerLimits } from "../../src/lib/limits.ts";
import { Reply } from "../../src/lib/reply.ts";
import type { Peer, RequestHead } from "../../src/lib/request.ts";
import { arrive, forget } from "./arrive.ts";
import { BodyReader, type Turns } from "./body-reader.ts";
import type { Message, Reading } from "./reading.ts";

/** HTTP/1.1 only: the preface of HTTP/2 is refused like any other request that is none. */
const LIMITS: ListenerLimits = { ...DEFAULT_LIMITS, http2: { ...DEFAULT_HTTP2, cleartext: false } };

const PEER: Peer = {
  address: "192.0.2.1",
  port: 4000,
  trusted: false,
  secure: false,
  trusts: () => false,
  listener: "",
  memo: undefined,
};

/** Takes what the gateway writes; what arrives is handed to the transport as a socket's read callback does. */
class Wire extends Duplex {
  /** The first piece written since it was emptied: an answer's head. */
  written = "";

  constructor() {
    super({ allowHalfOpen: true, autoDestroy: false });
  }

  override _read(): void {}

  override _write(data: string | Uint8Array, _encoding: string, done: () => void): void {
    if (this.written === "")
      this.written = typeof data === "string" ? data : Buffer.from(data).latin1Slice(0, data.length);
    done();
  }

  override _writev(chunks: { chunk: string | Uint8Array }[], done: () => void): void {
    for (const { chunk } of chunks) this._write(chunk, "latin1", () => undefined);
    done();
  }
}

/** Reads a client's bytes, in these pieces, by a real connection; every request is answered once its body is here. */
export function readAsServer(pieces: readonly Buffer[], turns: Turns, reused: boolean): Reading {
  const messages: Message[] = [];
  let refusal: string | undefined;
  const refuse = (failure: { code: string; detail?: string | undefined }): Reply => {
    refusal ??= `${failure.code}: ${failure.detail ?? ""}`;
    return new Reply(400, new Fields(), new HeldBody(""));
  };
  const handler = {
    request(head: RequestHead, downstream: ServerConnection): void {
      const message = messageOf(head);
      messages.push(message);
      downstream.attach({ sent: () => undefined, left: () => undefined });
      const answer = (reply: Reply): void => {
        wire.written = "";
        downstream.send(reply);
        message.persistent = !/\r\nconnection: close\r\n/.test(wire.written);
      };
      turns.run(() =>
        readBody(head.body, message, turns, (failure) =>
          answer(failure === undefined ? new Reply(200) : refuse(failure)),
        ),
      );
    },
    refused: (failure: Failure) => refuse(failure),
    became: () => undefined,
    closed: () => undefined,
  };
  const wire = new Wire();
  const connection = new ServerConnection(handler, LIMITS, PEER);
  const transport = new Transport(connection, wire as unknown as Socket, "data");
  connection.open(transport);
  for (const piece of pieces) {
    feed(transport, wire, piece, reused);
    turns.flush();
    if (wire.isPaused()) refusal ??= "STALLED: reading stopped and nothing resumes it";
  }
  connection.ended();
  turns.flush();
  wire.destroy();
  return { messages, refusal };
}

/** Hands bytes over as a socket does. */
function feed(transport: Transport, wire: Wire, piece: Buffer, reused: boolean): void {
  const bytes = arrive(piece, reused);
  if (!transport.take(bytes, piece.length, bytes === SHARED)) wire.pause();
  forget(bytes);
}

function messageOf(head: RequestHead): Message {
  return {
    method: head.method,
    target: head.path + head.query,
    authority: head.authority,
    status: 0,
    phrase: "",
    version: head.version,
    fields: [...head.fields.entries()],
    body: "",
    trailers: [],
    persistent: undefined,
    complete: false,
  };
}

function readBody(
  body: Body | undefined,
  message: Message,
  turns: Turns,
  done: (failure?: { code: string; detail?: string | undefined }) => void,
): void {
  if (body === undefined) {
    message.complete = true;
    done();
    return;
  }
  const source: BodySource | undefined = body instanceof HeldBody ? undefined : body;
  startBody(body, new BodyReader(message, source, turns, done));
}
