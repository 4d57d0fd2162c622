import type { Failure } from "../errors/failure.ts";
import type { ReasonSpec } from "../errors/reasons.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reply } from "../lib/reply.ts";
import type { PeerTls, ReceivedRequest } from "../lib/request.ts";
import type { Consumers } from "./consumer.ts";
import type { Exchange } from "./exchange.ts";
import type { Match, Route } from "./route.ts";

/** All that a route is chosen by. */
export interface RouteFacts {
  readonly request: ReceivedRequest;
  /** Address of the client. */
  readonly clientAddress: string;
  /** Name of the listener that the request came by. */
  readonly listener: string;
  /** What the handshake told; undefined where this gateway did not speak TLS with the peer. */
  readonly tls?: PeerTls | undefined;
}

/** Finds the route of a request. A miss is the not-found route: nothing above is special-cased. */
export interface Router {
  match(facts: RouteFacts): Match;
}

/** Sends an exchange's outgoing request to its service. It does not throw: failures are values. */
export interface Forwarder {
  forward(x: Exchange, done: (result: Reply | Failure) => void): void;
}

/** Counts what happened. */
export interface Meter {
  record(x: Exchange): void;
}

/** Takes what a person should know: failures with their cause, never secrets. */
export interface Sink {
  failure(x: Exchange, failure: Failure): void;
}

/** Takes the lines of a log. */
export interface Lines {
  /** Takes one line, without its end. It never waits: a line that cannot be kept is dropped and counted. */
  write(line: string): void;
}

/** Lines that somebody has open. */
export interface OpenLines extends Lines {
  /** Nothing more comes from this one. */
  close(): void;
}

/** Opens what logs are written to. */
export interface LineTargets {
  /** Opens "stdout", "stderr" or the file at a path. Throws an Error where it cannot be written. */
  open(target: string): OpenLines;
}

/** The immutable whole that serves an exchange from its start to its end. */
export interface Snapshot {
  readonly router: Router;
  /** Where requests go that the wire refuses: nothing but the log steps of the policies of every route. */
  readonly refused: Route;
  readonly forwarder: Forwarder;
  readonly meter: Meter;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly consumers: Consumers;
  /** Reasons that policies declared, by code. */
  readonly reasons: Readonly<Record<string, ReasonSpec>>;
  /** Exchanges that it serves now, and who wants to know when it serves none any more. */
  readonly use: {
    exchanges: number;
    /** How many of those are questions of the gateway's own. */
    calls: number;
    whenUnused: (() => void) | undefined;
  };
  /** Requests of the gateway's own that are under way. */
  readonly forks: Set<{ leave(): void }>;
  /** @internal Exchanges whose answers have become tunnels. */
  readonly tunnels: Set<Exchange>;
  /** Milliseconds that one step may wait. */
  readonly policyTimeout: number;
}
