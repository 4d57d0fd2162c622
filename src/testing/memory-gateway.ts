import type { z } from "zod";
import { checkConfig } from "../config/load.ts";
import type { Failure } from "../errors/failure.ts";
import type { Clock } from "../lib/clock.ts";
import { Reply } from "../lib/reply.ts";
import type { Peer } from "../lib/request.ts";
import type { CallReply, CallRequest } from "../pipeline/calls.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import type { LimitStore } from "../pipeline/limits.ts";
import { MEMORY_PEER, MemoryDownstream, type MemoryReply } from "../pipeline/memory-downstream.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import type { Snapshot } from "../pipeline/ports.ts";
import { compileSnapshot } from "../snapshot/compile.ts";
import { closePolicies } from "../snapshot/compile-policies.ts";
import { dryPorts } from "../snapshot/policy-ports.ts";
import { Pools } from "../snapshot/pools.ts";
import { RouteStates } from "../snapshot/route-states.ts";
import { SlotNumbers } from "../snapshot/slot-numbers.ts";
import { MemoryForwarder } from "./memory-forwarder.ts";
import { headOf, type SentRequest, type ServiceFunction, type TestRequest } from "./messages.ts";

/** What a gateway without sockets is made of. */
export interface MemoryGatewayOptions {
  /** Policies that the config may name. */
  readonly policies: readonly PolicyDefinition[];
  /** As it would be written; without routes and services everything leads to one service with one endpoint. */
  readonly config?: object;
  /** Plays the services; default: answers 200 with the text "ok". */
  readonly service?: ServiceFunction;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Plays whom policies ask outside, services too; default: nobody answers. */
  readonly outside?: (request: CallRequest) => CallReply | Promise<CallReply>;
  /** Plays the stores of limits; default: none counts anything. */
  readonly store?: (name: string) => LimitStore | undefined;
  /** Who sends the requests; default: 192.0.2.1, not trusted. */
  readonly peer?: Partial<Peer>;
}

/** An exchange that is under way. */
export interface MemoryExchange {
  readonly exchange: Exchange;
  /** Rejects with a Failure when the answer is cut. */
  readonly reply: Promise<MemoryReply>;
  /** The client goes away. */
  leave(): void;
}

/** What became of one request. */
export interface PolicyRun {
  readonly reply: MemoryReply;
  /** What the services got, in order. */
  readonly sent: readonly SentRequest[];
  /** The exchange, with its outcome. */
  readonly exchange: Exchange;
}

/** The whole walk of requests, without a socket. */
export interface MemoryGateway {
  /** Begins an exchange. Steps that need not wait have run on return. */
  begin(request?: TestRequest): MemoryExchange;
  /** Sends a request and waits for its end. Rejects with what the service threw, or the Failure that cut the answer. */
  send(request?: TestRequest): Promise<PolicyRun>;
  /** What the services got so far. */
  readonly sent: readonly SentRequest[];
  /** What the log was told so far. */
  readonly failures: readonly Failure[];
  /** Lines that were written to logs so far, to whichever. */
  readonly lines: readonly string[];
  /** Exchanges that are over, forks too. */
  readonly ended: readonly Exchange[];
  /** Closes the policies. */
  close(): void;
}

/** @internal A config with one route to one service, where none is given. */
export function wholeConfig(config: object, endpoint: string): object {
  return {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [endpoint] } },
    ...config,
  };
}

/** A gateway without sockets. Throws a ConfigError as a real one would. */
export function memoryGateway(options: MemoryGatewayOptions): MemoryGateway {
  const { policies, config = {}, service = () => Reply.text(200, "ok"), clock } = options;
  const peer: Peer = { ...MEMORY_PEER, address: "192.0.2.1", ...options.peer };
  const failures: Failure[] = [];
  const ended: Exchange[] = [];
  const lines: string[] = [];
  const forwarder = new MemoryForwarder(service);
  const slots = new SlotNumbers();
  const { outside, store } = options;
  const ports = {
    ...dryPorts(outside && { call: async (request) => outside(request) }),
    ...(store && { store }),
  };
  const compiled = compileSnapshot(checkConfig(wholeConfig(config, "http://main.example")), {
    pools: new Pools("data"),
    states: new RouteStates(),
    slots,
    meter: { record: (x) => void ended.push(x) },
    sink: { failure: (_x, failure) => void failures.push(failure) },
    lines: { open: () => ({ write: (line) => void lines.push(line), close: () => undefined }) },
    ports,
    catalog: new Map(policies.map((policy) => [policy.name, policy])),
    ...(clock && { clock }),
  });
  const snapshot: Snapshot = Object.freeze({ ...compiled, forwarder });
  const begin = (request: TestRequest = {}): MemoryExchange => {
    const downstream = new MemoryDownstream(peer);
    const exchange = new Exchange(snapshot, downstream, headOf(request));
    downstream.attach(exchange);
    handle(exchange);
    return { exchange, reply: downstream.reply, leave: () => downstream.leave() };
  };
  const send = async (request?: TestRequest): Promise<PolicyRun> => {
    const before = forwarder.sent.length;
    const { exchange, reply } = begin(request);
    const answer = await reply;
    if (forwarder.thrown.length > 0) throw forwarder.thrown[0];
    return { reply: answer, exchange, sent: forwarder.sent.slice(before) };
  };
  return {
    begin,
    send,
    sent: forwarder.sent,
    failures,
    lines,
    ended,
    close: () => closePolicies(compiled.policies, slots),
  };
}

/** What stands beside the policy that is run. */
export interface PolicyCompany {
  /** Who may call, as written under `consumers`. */
  readonly consumers?: readonly object[];
  /** Policies that its options name. */
  readonly beside?: readonly PolicyDefinition[];
}

/** Runs one request through one policy, in memory. */
export async function runPolicy<Options extends z.ZodType>(
  definition: PolicyDefinition<Options>,
  options: z.input<Options>,
  request?: TestRequest,
  around: Omit<MemoryGatewayOptions, "policies" | "config"> & PolicyCompany = {},
): Promise<PolicyRun> {
  const { consumers = [], beside = [], ...more } = around;
  const config = { policies: [{ [definition.name]: options }], consumers };
  const gateway = memoryGateway({ ...more, policies: [definition, ...beside], config });
  return gateway.send(request).finally(() => gateway.close());
}
