import { Failure } from "../errors/failure.ts";
import { grpcReply, grpcStatusOfReason } from "../errors/grpc-reply.ts";
import { isReason, reasonSpec } from "../errors/reasons.ts";
import { problemReply } from "../errors/reply.ts";
import { grpcKindOf } from "../lib/grpc.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import type { Reply } from "../lib/reply.ts";
import type {
  ClientCertificate,
  Downstream,
  DownstreamEvents,
  PeerTls,
  ReceivedRequest,
} from "../lib/request.ts";
import { GONE, LATE } from "./chain.ts";
import { clientAddressOf } from "./client-address.ts";
import type { Consumer } from "./consumer.ts";
import { type ForkOptions, type ForkRequest, fork } from "./fork.ts";
import { callOf, finalStatus, type GrpcCall } from "./grpc.ts";
import { finish } from "./handle.ts";
import type { MemoryReply } from "./memory-downstream.ts";
import type { Snapshot } from "./ports.ts";
import type { PathPattern, Route } from "./route.ts";

/** How an exchange ended. */
export interface Outcome {
  /** Status that the client was sent; 499 when it left before. */
  readonly status: number;
  /** The whole answer went out. */
  readonly complete: boolean;
  /** Bytes of the answer's body. */
  readonly bytes: number;
  /** Why the gateway answered or failed; undefined when the service's answer went through. */
  readonly reason: string | undefined;
  /** Milliseconds from the head of the request to the end of the answer. */
  readonly duration: number;
  /** gRPC status that the client was told; undefined for what is no gRPC call. */
  readonly grpcStatus: number | undefined;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** One request and its response, with all that is known about it. Policies add no properties: they have slots. */
export class Exchange implements DownstreamEvents {
  /** The whole that serves it from start to end. */
  readonly snapshot: Snapshot;
  readonly downstream: Downstream;
  /** What the client sent; never changed. */
  readonly request: ReceivedRequest;
  /** Unique; in logs, in problem documents, and sent to the service as x-request-id. */
  id: string;
  /** Address of the client: the peer's, or what trusted peers say. */
  clientAddress: string;
  /** Milliseconds of the snapshot's clock at which it began. */
  readonly startedAt: number;
  /** How deep it is nested in forks; 0 for a client's own. */
  readonly depth: number;
  route!: Route;
  /** The path condition by which it was matched. */
  pattern: PathPattern | undefined;
  /** What the service will be sent; made in phase 2, changed up to phase 6. */
  outgoing!: Outgoing;
  /** Who calls. */
  consumer: Consumer | undefined;
  /** Public id of the credential that proved it. */
  credential: string | undefined;
  /** What a verified token says. */
  claims: Readonly<Record<string, unknown>> | undefined;
  /** Tries so far. */
  attempts: number;
  /** Endpoint of the last try. */
  endpoint: string | undefined;
  /** When the service's answer began, in the clock of `startedAt`; 0 when none came. */
  answeredAt: number;
  forwardedAt: number;
  /** When an answer was ready to be sent, in the same clock; 0 when none was. */
  sentAt: number;
  /** @internal What is known of it as a gRPC call; undefined where it is none. */
  grpc: GrpcCall | undefined;
  /** The reply that is or will be sent. */
  reply: Reply | undefined;
  /** Set when it is over: nothing that happens later matters. */
  outcome: Outcome | undefined;
  /** Milliseconds of the clock at which it must be answered; infinite for no limit. */
  deadline: number;
  /** @internal What the forwarder has under way. */
  inFlight: { abort(): void } | undefined;
  /** @internal The answer is on its way: it is too late for another. */
  sending: boolean;
  #aborts: Set<() => void> | undefined;
  #ends: (() => void)[] | undefined;
  /** Ends each wait that is under way. */
  #waits: Set<() => void> | undefined;
  #reported: Failure | undefined;
  #slots: unknown[] | undefined;
  #failure: Failure | undefined;
  /** Why the gateway ends what it has begun to send. */
  #ending: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(snapshot: Snapshot, downstream: Downstream, request: ReceivedRequest, depth = 0) {
    this.snapshot = snapshot;
    this.downstream = downstream;
    this.request = request;
    this.id = "";
    this.clientAddress = clientAddressOf(request, downstream.peer);
    this.startedAt = snapshot.clock.now();
    this.depth = depth;
    this.pattern = undefined;
    this.consumer = undefined;
    this.credential = undefined;
    this.claims = undefined;
    this.attempts = 0;
    this.endpoint = undefined;
    this.answeredAt = 0;
    this.forwardedAt = 0;
    this.sentAt = 0;
    this.grpc = callOf(request);
    this.reply = undefined;
    this.outcome = undefined;
    this.deadline = Number.POSITIVE_INFINITY;
    this.inFlight = undefined;
    this.sending = false;
    this.#aborts = undefined;
    this.#ends = undefined;
    this.#waits = undefined;
    this.#reported = undefined;
    this.#slots = undefined;
    this.#failure = undefined;
    this.#ending = undefined;
    this.#timer = undefined;
    snapshot.use.exchanges++;
  }

  /** Name of the listener that it came by. */
  get listener(): string {
    return this.downstream.peer.listener;
  }

  /** What the connection's TLS handshake told; undefined where this gateway did not speak TLS with the peer. */
  get tls(): PeerTls | undefined {
    return this.downstream.peer.tls;
  }

  /** The client's certificate, which was verified as the host asks; undefined where it showed none. */
  get clientCertificate(): ClientCertificate | undefined {
    return this.downstream.peer.tls?.certificate;
  }

  /** Parameters of the matched path: of `/orders/{id}` its `id`, percent-decoded. */
  get params(): Readonly<Record<string, string>> {
    return this.pattern?.params(this.request.path) ?? NO_PARAMS;
  }

  /** The exchange is over; whoever waited should stop. */
  get ended(): boolean {
    return this.outcome !== undefined;
  }

  /** @internal It is answered or over: what a step still says comes too late. */
  get settled(): boolean {
    return this.outcome !== undefined || this.reply !== undefined;
  }

  /** Why the gateway answers by itself, if it does. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** The reply with which a step stops the exchange, by a reason that its policy declared. */
  reject(code: string, detail?: string): Reply {
    const known = isReason(code, this.snapshot.reasons);
    return this.fail(
      known ? new Failure(code, detail) : new Failure("policy_failed", `the reason ${code} is not declared`),
    );
  }

  /** The reply to a failure, with its reason and this exchange's id: a problem document; for gRPC a status. */
  fail(failure: Failure): Reply {
    this.#failure = failure;
    this.report(failure);
    const detail =
      failure.code === "policy_failed" || failure.code === "policy_timeout" ? undefined : failure.detail;
    const { reasons } = this.snapshot;
    const kind = this.grpc?.kind ?? grpcKindOf(this.request.fields.get("content-type"));
    if (kind === undefined || this.request.method !== "POST")
      return problemReply(failure.code, this.id, detail, reasons);
    if (this.grpc !== undefined) this.grpc.status = grpcStatusOfReason(reasonSpec(failure.code, reasons));
    return grpcReply(kind, failure.code, this.id, detail, reasons);
  }

  /** @internal An answer that has begun ends for this reason, whole or not. */
  endsFor(code: string): void {
    this.#ending ??= code;
  }

  /** @internal Tells the log of a failure, once. */
  report(failure: Failure): void {
    if (this.#reported === failure) return;
    this.#reported = failure;
    this.snapshot.sink.failure(this, failure);
  }

  /** Calls `fn` when the exchange ends before its answer is complete: the client left, or its time is up. */
  onAbort(fn: () => void): void {
    if (this.outcome !== undefined) {
      if (!this.outcome.complete) this.#call(fn);
      return;
    }
    this.#aborts ??= new Set();
    this.#aborts.add(fn);
  }

  /** @internal Calls `fn` when the exchange is over, however it ended. */
  onEnd(fn: () => void): void {
    this.#ends ??= [];
    this.#ends.push(fn);
  }

  /** @internal Ends what is under way: attempts, waits, forks. */
  abort(): void {
    const { inFlight } = this;
    const aborts = this.#aborts;
    this.inFlight = undefined;
    this.#aborts = undefined;
    this.#endWaits();
    inFlight?.abort();
    for (const fn of aborts ?? []) this.#call(fn);
  }

  #endWaits(): void {
    const waits = this.#waits;
    this.#waits = undefined;
    for (const end of waits ?? []) end();
  }

  #call(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.report(new Failure("policy_failed", "a function given to onAbort", error));
    }
  }

  /** Runs a request of the gateway's own through the whole walk, in the caller's name. */
  fork(request: ForkRequest, options: ForkOptions = {}): Promise<MemoryReply> {
    return fork(this, request, options);
  }

  /**
   * @internal What waits ends with the exchange, or after the time that a step may wait (not when it is `patient`).
   */
  within<T>(promise: PromiseLike<T>, patient = false): Promise<T | typeof LATE | typeof GONE> {
    return new Promise((resolve, reject) => {
      const gone = (): void => finish(() => resolve(GONE));
      const timer = patient
        ? undefined
        : setTimeout(() => finish(() => resolve(LATE)), this.snapshot.policyTimeout);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waits?.delete(gone);
        settle();
      };
      if (this.outcome !== undefined) gone();
      else {
        this.#waits ??= new Set();
        this.#waits.add(gone);
      }
      promise.then(
        (value) => finish(() => resolve(value)),
        (error) => finish(() => reject(error)),
      );
    });
  }

  /** @internal */
  slot(index: number): unknown {
    return this.#slots?.[index];
  }

  /** @internal */
  setSlot(index: number, value: unknown): void {
    this.#slots ??= [];
    this.#slots[index] = value;
  }

  /** @internal Arms the route's deadline. */
  answerWithin(milliseconds: number, late: () => void): void {
    this.disarm();
    this.deadline = this.startedAt + milliseconds;
    this.#timer = setTimeout(late, milliseconds);
  }

  /** @internal The answer has begun, or nothing will come: no deadline any more. */
  disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  sent(complete: boolean, bytes: number, failure: string | undefined): void {
    if (this.outcome !== undefined) return;
    const reason = failure ?? this.#ending ?? this.#failure?.code;
    this.#end(this.reply?.status ?? 0, complete, bytes, reason);
  }

  left(bytes: number): void {
    if (this.outcome !== undefined) return;
    if (this.#ending !== undefined && this.reply?.tunnel !== undefined)
      this.#end(this.reply.status, false, bytes, this.#ending);
    else this.#end(499, false, bytes, "client_left");
  }

  #end(status: number, complete: boolean, bytes: number, reason: string | undefined): void {
    this.disarm();
    const duration = this.snapshot.clock.now() - this.startedAt;
    const grpcStatus = this.grpc && finalStatus(this.grpc, status, complete);
    this.outcome = { status, complete, bytes, reason, duration, grpcStatus };
    if (!complete) this.abort();
    this.inFlight = undefined;
    this.#aborts = undefined;
    this.#endWaits();
    if (this.#ends !== undefined) for (const fn of this.#ends) this.#call(fn);
    this.#ends = undefined;
    finish(this);
    if (this.reply?.tunnel !== undefined) this.snapshot.tunnels.delete(this);
    const { use } = this.snapshot;
    if (--use.exchanges === 0) use.whenUnused?.();
  }
}
