import { Failure } from "../errors/failure.ts";
import type { Tunnel } from "../lib/reply.ts";
import { closeFrame, composeFrame, Opcode } from "../lib/websocket-frame.ts";
import type { MessageRules, Refusal } from "../lib/websocket-rules.ts";
import type { Exchange } from "./exchange.ts";
import { MessageStream } from "./message-stream.ts";

/** What the messages of a route's WebSockets keep to, by who sends them. */
export interface MessageLimits {
  readonly fromClient: MessageRules;
  readonly fromService: MessageRules;
  /** Whether permessage-deflate may have been agreed on. */
  readonly compression: boolean;
}

/** For so long a WebSocket may stay after both ends were told to go, in milliseconds. */
const LEAVES = 2_000;

/** What a Close says; the detail stays in the log. */
const WORDS: Readonly<Record<Refusal["reason"], string>> = {
  malformed: "not well-formed",
  too_large: "message too large",
  kind: "kind of message not taken",
  rate: "too many messages",
  invalid: "message not valid",
};

/** Holds the messages of an exchange's tunnel to the rules of its route. */
export function guardMessages(x: Exchange, tunnel: Tunnel, limits: MessageLimits): Tunnel {
  const guard = new MessageGuard(x, limits);
  const { outgoing } = tunnel;
  return {
    ...tunnel,
    incoming: guard.fromService.of(tunnel.incoming),
    outgoing: {
      write: (source) => outgoing.write(guard.fromClient.of(source)),
      data: (chunk) => outgoing.data(chunk),
      end: (trailers) => outgoing.end(trailers),
      fail: (failure) => outgoing.fail(failure),
    },
  };
}

/** Both directions of a WebSocket: where one of them breaks its rules, both ends are told to go. */
class MessageGuard {
  readonly fromClient: MessageStream;
  readonly fromService: MessageStream;
  readonly #x: Exchange;
  #refused = false;

  constructor(x: Exchange, limits: MessageLimits) {
    this.#x = x;
    const agreed = limits.compression ? x.reply?.fields.get("sec-websocket-extensions") : undefined;
    const compressed = agreed !== undefined && /\bpermessage-deflate\b/i.test(agreed);
    this.fromClient = this.#stream(limits.fromClient, true, compressed);
    this.fromService = this.#stream(limits.fromService, false, compressed);
    x.onEnd(() => {
      this.fromClient.close();
      this.fromService.close();
    });
  }

  #stream(rules: MessageRules, ofClient: boolean, compressed: boolean): MessageStream {
    const owner = {
      now: () => this.#x.snapshot.clock.now(),
      refused: (refusal: Refusal) => this.#refuse(refusal, ofClient),
      dropped: (refusal: Refusal) => this.#answer(refusal, ofClient),
    };
    return new MessageStream(owner, rules, ofClient, compressed);
  }

  /** Closes both sides: the service's here, the client's by whoever knows what it was sent last. */
  #refuse({ code, reason, detail }: Refusal, ofClient: boolean): void {
    if (this.#refused) return;
    this.#refused = true;
    const x = this.#x;
    const failure = `${ofClient ? "message" : "service_message"}_${reason}`;
    x.endsFor(failure);
    x.report(new Failure(failure, detail));
    this.fromClient.endWith(closeFrame(code, WORDS[reason], true));
    if (!ofClient) this.fromService.stop();
    x.downstream.goAway(LEAVES, code, WORDS[reason]);
  }

  /** Tells the sender that its message was left out. */
  #answer({ detail }: Refusal, ofClient: boolean): void {
    const text = JSON.stringify({ error: "message_invalid", detail: detail.slice(0, 500) });
    const frame = composeFrame(Opcode.text, Buffer.from(text), !ofClient);
    if (ofClient) this.fromService.insert(frame);
    else this.fromClient.insert(frame);
  }
}
