/** One scene, played twice: by the walk in memory, and by a real gateway between real sockets. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import {
  definePolicy,
  type Exchange,
  Failure,
  type MemoryReply,
  type Phase,
  type PolicyDefinition,
} from "torana";
import { memoryGateway, type SentRequest, type ServiceFunction, type TestRequest } from "torana/testing";
import { z } from "zod";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { ask, serve } from "../../src/testing/wire.ts";
import { deadPort } from "../support/service.ts";
import { until, within } from "../support/wait.ts";

/** What is on the stage. */
export interface Scene {
  readonly policies: readonly PolicyDefinition[];
  /** As a config is written; without routes and services everything leads to http://main.example. */
  readonly config?: SceneConfig;
  /** Plays all services; it learns the endpoints as they stand in `config`. */
  readonly service?: ServiceFunction;
  /** Endpoints that refuse connections. */
  readonly down?: readonly string[];
}

export interface SceneConfig {
  readonly services?: Readonly<Record<string, { readonly endpoints: readonly string[] }>>;
  readonly [key: string]: unknown;
}

/** A running scene. */
export interface Way {
  readonly kind: "memory" | "sockets";
  /** Sends a request, and waits for its answer and its log. */
  ask(request?: TestRequest): Promise<MemoryReply>;
  /** What the services got, in order. */
  readonly sent: readonly SentRequest[];
  /** Exchanges that are over, forks too. */
  readonly ended: readonly Exchange[];
  /** What the log was told, a line each. */
  readonly told: readonly string[];
  /** From now on every endpoint refuses connections. */
  stopServices(): Promise<void>;
}

const NOTHING: SceneConfig = {};
const MAIN = { main: { endpoints: ["http://main.example"] } };
const ROUTES = [{ name: "all", service: "main" }];

/** Declares a test for each way. */
export function bothWays(
  title: string,
  scene: (kind: Way["kind"]) => Scene,
  play: (way: Way, t: TestContext) => Promise<void>,
): void {
  test(`${title}, in memory`, async (t) => play(inMemory(t, scene("memory")), t));
  test(`${title}, on sockets`, async (t) => play(await onSockets(t, scene("sockets")), t));
}

function inMemory(t: TestContext, { policies, config = NOTHING, service, down = [] }: Scene): Way {
  let stopped = false;
  const told: string[] = [];
  const play: ServiceFunction = (request) => {
    if (stopped || down.includes(request.endpoint)) return new Failure("connect_failed");
    if (service === undefined) throw new Error("this scene has no service");
    return service(request);
  };
  const gateway = memoryGateway({ policies, config, service: play });
  t.after(() => gateway.close());
  const { sent, ended, failures } = gateway;
  return {
    kind: "memory",
    ask: async (request) => (await within("an answer in memory", gateway.send(request))).reply,
    get sent() {
      return sent.filter(({ endpoint }) => !stopped && !down.includes(endpoint));
    },
    ended,
    get told() {
      for (const failure of failures.slice(told.length)) told.push(lineOf(failure));
      return told;
    },
    stopServices: async () => {
      stopped = true;
    },
  };
}

/** What cannot be shown is a fault that some scenes make on purpose. */
function lineOf({ code, detail }: Failure): string {
  return `${code} ${detail ?? ""}`;
}

/** Starts a real service for each endpoint, and a gateway in front of them. */
async function onSockets(
  t: TestContext,
  { policies, config = NOTHING, service, down = [] }: Scene,
): Promise<Way> {
  const sent: SentRequest[] = [];
  const thrown: unknown[] = [];
  const ended: Exchange[] = [];
  const told: string[] = [];
  const servers: Server[] = [];
  const urls = new Map<string, string>();
  const { services = MAIN, ...rest } = config;
  for (const written of Object.values(services).flatMap(({ endpoints }) => endpoints)) {
    if (urls.has(written)) continue;
    if (down.includes(written)) {
      urls.set(written, `http://127.0.0.1:${await deadPort()}`);
      continue;
    }
    const server = createServer((incoming, outgoing) => {
      const play: ServiceFunction = (request) => {
        const known = { ...request, endpoint: written };
        sent.push(known);
        if (service === undefined) throw new Error("this scene has no service");
        return service(known);
      };
      serve(incoming, outgoing, play, []).catch((error: unknown) => {
        if (!gone(error)) thrown.push(error);
        outgoing.destroy();
      });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    servers.push(server);
    urls.set(written, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const stopServices = async (): Promise<void> => {
    for (const server of servers.splice(0)) {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    }
  };
  const whole = {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: ROUTES,
    ...rest,
    services: Object.fromEntries(
      Object.entries(services).map(([name, one]) => [
        name,
        { ...one, endpoints: one.endpoints.map((written) => urls.get(written)!) },
      ]),
    ),
    policies: [{ "test-watch": {} }, ...((rest["policies"] as object[] | undefined) ?? [])],
  };
  t.after(stopServices);
  const gateway = await startGateway(whole, {
    policies: [watch(ended), ...policies],
    log: (line) => told.push(line),
  });
  t.after(async () => {
    await within("the gateway to stop", gateway.stop(1_000));
    if (thrown.length > 0) throw thrown[0];
  });
  let asked = 0;
  return {
    kind: "sockets",
    ask: async (request = {}) => {
      asked++;
      const reply = await within("an answer on sockets", ask(gateway.port(), request));
      await until("the exchange to end", () => ended.filter(({ depth }) => depth === 0).length >= asked);
      return reply;
    },
    sent,
    ended,
    told,
    stopServices,
  };
}

/** The gateway went away in the middle of a request or answer: for a service that is no failure. */
function gone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ECONNRESET" || (error as Error).message === "aborted";
}

/** The phases as the contract has them, in their order. */
export const PHASES: readonly Phase[] = [
  "receive",
  "authenticate",
  "authorize",
  "limit",
  "request",
  "cache",
  "forward",
];

/** Notes every exchange that is over. */
export function watch(ended: Exchange[]): PolicyDefinition {
  return definePolicy({
    name: "test-watch",
    phase: "receive",
    options: z.strictObject({}),
    compile: () => ({ log: (x) => void ended.push(x) }),
  });
}

/** A policy "p" that does just this; it stands in phase "request" unless told otherwise. */
export function policyOf(
  steps: unknown,
  name = "p",
  phase: PolicyDefinition["phase"] = "request",
): PolicyDefinition {
  return definePolicy({ name, phase, options: z.strictObject({}), compile: () => steps as object });
}

/** The body of an answer as text. */
export function textOf({ body }: MemoryReply): string {
  return Buffer.from(body).toString();
}

/** The body of an answer as a JSON object. */
export function jsonOf(reply: MemoryReply): Record<string, unknown> {
  return JSON.parse(textOf(reply)) as Record<string, unknown>;
}

/** A promise that a test keeps when it likes. */
export function gate(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}
