/** A real gateway with policies, for tests that decide about every byte of the client. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Exchange, PolicyDefinition } from "torana";
import type { Gateway } from "../../src/supervisor/gateway.ts";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { type Bytes, Client, type Response } from "../support/client.ts";
import type { Service } from "../support/service.ts";
import { within } from "../support/wait.ts";
import { watch } from "./ways.ts";

export interface Stand {
  readonly gateway: Gateway;
  /** Exchanges that are over, forks too. */
  readonly ended: readonly Exchange[];
  /** Lines that the log was told. */
  readonly told: readonly string[];
  connect(): Promise<Client>;
  /** Sends one request over a connection of its own, and reads its response. */
  ask(bytes: Bytes, method?: string): Promise<Response>;
}

/** Everything leads to one service, through these policies in this order. */
export async function stand(
  t: TestContext,
  service: Service,
  policies: readonly PolicyDefinition[],
  config: object = {},
  serviceConfig: object = {},
): Promise<Stand> {
  const ended: Exchange[] = [];
  const told: string[] = [];
  const clients: Client[] = [];
  const whole = {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url], ...serviceConfig } },
    policies: [{ "test-watch": {} }, ...policies.map(({ name }) => ({ [name]: {} }))],
    ...config,
  };
  const gateway = await startGateway(whole, {
    policies: [watch(ended), ...policies],
    log: (line) => told.push(line),
  });
  t.after(async () => {
    for (const { socket } of clients) socket.destroy();
    await within("the gateway to stop", gateway.stop(1_000));
    await service.stop();
    assert.deepEqual(service.failures.map(String), [], "the service's script failed");
  });
  const connect = async (): Promise<Client> => {
    const client = await Client.open(gateway.port());
    clients.push(client);
    return client;
  };
  const ask = async (bytes: Bytes, method?: string): Promise<Response> =>
    (await connect()).ask(bytes, method);
  return { gateway, ended, told, connect, ask };
}
