import { Failure } from "../errors/failure.ts";
import { grpcFailureFields } from "../errors/grpc-reply.ts";
import { type BodyFailure, type BodySink, type BodySource, type Chunk, HeldBody } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import {
  formatGrpcTimeout,
  type GrpcKind,
  GrpcStatus,
  grpcKindOf,
  grpcStatusIn,
  grpcStatusOfHttp,
  parseGrpcTimeout,
} from "../lib/grpc.ts";
import type { Reply } from "../lib/reply.ts";
import type { ReceivedRequest } from "../lib/request.ts";
import type { Exchange } from "./exchange.ts";
import { abandon } from "./handle.ts";

/** What is known of an exchange that is a gRPC call. */
export interface GrpcCall {
  readonly kind: GrpcKind;
  /** Milliseconds of the snapshot's clock at which the client stops waiting; infinite where it does not say. */
  deadline: number;
  /** The gRPC status that the client is told; undefined before that is known. */
  status: number | undefined;
}

/** The longest time that a timer takes. */
const TIMER_MAX = 2_147_483_647;

/**
 * The call that a request is; undefined for any other request. What is no call costs no look at its fields. gRPC-Web is
 * none as long as no policy takes it: its status is in its body, which passes as any other.
 */
export function callOf(request: ReceivedRequest): GrpcCall | undefined {
  if (request.method !== "POST" || (!request.takesTrailers && request.version !== 20)) return undefined;
  const kind = grpcKindOf(request.fields.get("content-type"));
  if (kind === undefined || kind.web) return undefined;
  return { kind, deadline: Number.POSITIVE_INFINITY, status: undefined };
}

/**
 * Takes an exchange for a call: the client's grpc-timeout is its deadline, and so is the route's time for an answer,
 * whichever is first. Gives the failure where the timeout cannot be read, or leaves no time.
 */
export function beginCall(x: Exchange, call: GrpcCall): Failure | undefined {
  x.grpc = call;
  const written = x.request.fields.get("grpc-timeout");
  const timeout = written === undefined ? Number.POSITIVE_INFINITY : parseGrpcTimeout(written);
  if (timeout === undefined) return new Failure("request_malformed", "grpc-timeout is not a time");
  if (timeout === 0) return new Failure("deadline_exceeded");
  call.deadline = x.startedAt + timeout;
  const { deadline } = x.route;
  const first = Math.min(timeout, deadline === 0 ? Number.POSITIVE_INFINITY : deadline);
  if (first <= TIMER_MAX) x.answerWithin(first, () => abandon(x));
  return undefined;
}

/** Tells the service how much of the client's time is left. */
export function passTimeout(x: Exchange, call: GrpcCall): void {
  if (call.deadline === Number.POSITIVE_INFINITY) return;
  const { fields } = x.outgoing;
  fields.remove("grpc-timeout");
  fields.put("grpc-timeout", formatGrpcTimeout(call.deadline - x.snapshot.clock.now()));
}

/** Learns the call's status from its answer, from the trailers where it has some. */
export function followAnswer(x: Exchange, call: GrpcCall, reply: Reply): void {
  // A failure of the gateway's own: its status is known.
  if (reply.reason !== undefined) return;
  const { body } = reply;
  call.status = grpcStatusIn(reply.fields);
  if (call.status !== undefined) return;
  if (reply.status !== 200 || grpcKindOf(reply.fields.get("content-type")) === undefined)
    call.status = grpcStatusOfHttp(reply.status);
  else if (body === undefined || body instanceof HeldBody)
    call.status = grpcStatusIn(body?.trailers) ?? GrpcStatus.unknown;
  else reply.body = new CallBody(x, call, body);
}

/** The gRPC status of a call that is over. */
export function finalStatus(call: GrpcCall, httpStatus: number, complete: boolean): number {
  if (httpStatus === 499) return GrpcStatus.cancelled;
  return call.status ?? (complete ? GrpcStatus.unknown : GrpcStatus.unavailable);
}

/**
 * The answer to a call on its way to the client. One that breaks, or for which the client's time is up, ends with trailers
 * that say so: a cut stream would leave the client to guess.
 */
class CallBody implements BodySource, BodySink {
  readonly length = undefined;
  readonly #x: Exchange;
  readonly #call: GrpcCall;
  readonly #source: BodySource;
  #sink: BodySink | undefined = undefined;

  constructor(x: Exchange, call: GrpcCall, source: BodySource) {
    this.#x = x;
    this.#call = call;
    this.#source = source;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    const left = this.#call.deadline - this.#x.snapshot.clock.now();
    if (left <= TIMER_MAX) {
      const timer = setTimeout(() => this.#expire(), Math.max(0, left));
      this.#x.onEnd(() => clearTimeout(timer));
    }
    this.#source.start(this);
  }

  #expire(): void {
    if (this.#sink === undefined) return;
    this.#source.cancel();
    this.fail({ code: "deadline_exceeded" });
  }

  data(chunk: Chunk): boolean {
    return this.#sink?.data(chunk) ?? true;
  }

  end(trailers?: Fields): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink === undefined) return;
    this.#call.status = grpcStatusIn(trailers) ?? GrpcStatus.unknown;
    sink.end(trailers);
  }

  fail({ code, detail }: BodyFailure): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink === undefined) return;
    const trailers = grpcFailureFields(code, detail, this.#x.snapshot.reasons);
    this.#call.status = grpcStatusIn(trailers);
    this.#x.endsFor(code);
    sink.end(trailers);
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#source.cancel();
  }
}
