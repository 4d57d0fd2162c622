import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { Tunnel } from "../lib/reply.ts";
import type { Exchange } from "./exchange.ts";
import { guardMessages, type MessageLimits } from "./message-guard.ts";

/** What bounds the tunnels of a route; times in milliseconds, 0 for no limit. */
export interface TunnelLimits {
  /** Without a byte in either direction. */
  readonly idle: number;
  readonly lifetime: number;
  /** How long one goes on after its server was told to stop. */
  readonly grace: number;
  /** What messages must keep to; left out: they are not looked at. */
  readonly messages?: MessageLimits | undefined;
}

/** For so long a tunnel may stay after its client was told to go, in milliseconds. */
const LEAVES = 2_000;
/** The longest time that a timer takes. */
const TIMER_MAX = 2_147_483_647;

/** Puts a route's limits on the tunnel of an exchange; what is past one of them is told to go, whatever its protocol. */
export function guardTunnel(x: Exchange, bare: Tunnel, limits: TunnelLimits): Tunnel {
  const { messages } = limits;
  const tunnel = messages === undefined ? bare : guardMessages(x, bare, messages);
  const { outgoing } = tunnel;
  const guard = limits.idle === 0 && limits.lifetime === 0 ? undefined : new TunnelGuard(x, limits);
  const watched = (source: BodySource): BodySource =>
    guard === undefined ? source : new WatchedBody(source, guard);
  return {
    incoming: watched(tunnel.incoming),
    outgoing: {
      write: (source) => outgoing.write(watched(source)),
      data: (chunk) => outgoing.data(chunk),
      end: (trailers) => outgoing.end(trailers),
      fail: (failure) => outgoing.fail(failure),
    },
    abort: () => tunnel.abort(),
    grace: limits.grace,
  };
}

/** Watches how old a tunnel is and how long nothing has passed: one timer, which looks when a limit may be reached. */
class TunnelGuard {
  readonly #x: Exchange;
  readonly #limits: TunnelLimits;
  readonly #until: number;
  #last: number;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(x: Exchange, limits: TunnelLimits) {
    this.#x = x;
    this.#limits = limits;
    this.#last = x.snapshot.clock.now();
    this.#until = limits.lifetime === 0 ? Number.POSITIVE_INFINITY : this.#last + limits.lifetime;
    this.#arm(this.#last);
    x.onEnd(() => clearTimeout(this.#timer));
  }

  /** Bytes passed. */
  stirred(): void {
    this.#last = this.#x.snapshot.clock.now();
  }

  #arm(now: number): void {
    const idleAt = this.#limits.idle === 0 ? Number.POSITIVE_INFINITY : this.#last + this.#limits.idle;
    const wait = Math.min(Math.max(1, Math.ceil(Math.min(idleAt, this.#until) - now)), TIMER_MAX);
    this.#timer = setTimeout(() => this.#look(), wait);
    this.#timer.unref();
  }

  #look(): void {
    const { idle } = this.#limits;
    const now = this.#x.snapshot.clock.now();
    if (now >= this.#until) this.#end("tunnel_expired");
    else if (idle > 0 && now - this.#last >= idle) this.#end("tunnel_idle");
    else this.#arm(now);
  }

  #end(reason: string): void {
    this.#x.endsFor(reason);
    this.#x.downstream.goAway(LEAVES);
  }
}

/** One direction: passes all on, and tells the guard of each piece. */
class WatchedBody implements BodySource, BodySink {
  readonly length = undefined;
  readonly #source: BodySource;
  readonly #guard: TunnelGuard;
  #sink: BodySink | undefined = undefined;

  constructor(source: BodySource, guard: TunnelGuard) {
    this.#source = source;
    this.#guard = guard;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  data(chunk: Chunk): boolean {
    this.#guard.stirred();
    return this.#sink!.data(chunk);
  }

  end(trailers?: Fields): void {
    this.#sink!.end(trailers);
  }

  fail(failure: BodyFailure): void {
    this.#sink!.fail(failure);
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#source.cancel();
  }
}
