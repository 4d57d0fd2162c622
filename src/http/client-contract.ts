import type { Failure } from "../errors/failure.ts";
import type { Body } from "../lib/body.ts";
import type { Tunnel } from "../lib/reply.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ResponseHead } from "./response-reader.ts";

/** Times in milliseconds; 0 for none. */
export interface ClientTimeouts {
  readonly connect: number;
  /** From the request's last byte to the answer's head. */
  readonly response: number;
  /** Between two reads of the answer's body, while the client keeps up. */
  readonly idle: number;
}

/** One request to write. */
export interface OutgoingMessage {
  /** Start line and fields without framing and without the empty line. */
  readonly head: string;
  readonly method: string;
  readonly body: Body | undefined;
  /** The answer may switch protocols. */
  readonly upgrade: boolean;
}

/** What a client connection tells of one request. Exactly one of `answered` and `failed` is called. */
export interface ClientEvents {
  informational(head: ResponseHead): void;
  /** The final head, with the body that follows it. */
  answered(head: ResponseHead, body: Body | undefined, tunnel: Tunnel | undefined): void;
  /** No answer will come. The reason says whether the request can have reached the service. */
  failed(failure: Failure): void;
}

/** What a pool is told of its connections. */
export interface ClientOwner {
  ready(connection: ClientConnection): void;
  /** It is idle again and can be reused. */
  freed(connection: ClientConnection): void;
  gone(connection: ClientConnection): void;
}
