import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Bytes, Client, type Response } from "./client.ts";
import { startGateway, type TestGateway } from "./gateway.ts";
import type { Service } from "./service.ts";
import { within } from "./wait.ts";

/** A gateway with its services and clients, all taken down when the test ends. */
export interface Stage {
  readonly gateway: TestGateway;
  /** Opens a client connection to the gateway's first listener. */
  connect(localAddress?: string): Promise<Client>;
  /** Sends one request over a connection of its own, which stays open, and reads its response. */
  ask(bytes: Bytes, method?: string): Promise<Response>;
}

/** A gateway that sends everything to one service with these endpoints. `config` is added at the top level. */
export function stage(
  t: TestContext,
  endpoints: Service | readonly Service[],
  config: object = {},
  serviceConfig: object = {},
): Promise<Stage> {
  const services = [endpoints].flat();
  const urls = services.map(({ url }) => url);
  return stageOf(t, services, {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: urls, ...serviceConfig } },
    ...config,
  });
}

/** A gateway with this config; the services are stopped after it, and their failures fail the test. */
export async function stageOf(t: TestContext, services: readonly Service[], config: object): Promise<Stage> {
  const clients: Client[] = [];
  let gateway: TestGateway | undefined;
  t.after(async () => {
    for (const { socket } of clients) socket.destroy();
    if (gateway) await within("the gateway to stop", gateway.stop());
    for (const service of services) await service.stop();
    assert.deepEqual(
      services.flatMap(({ failures }) => failures).map(String),
      [],
      "a service's script failed",
    );
  });
  const running = await startGateway(config);
  gateway = running;
  const connect = async (localAddress?: string): Promise<Client> => {
    const client = await Client.open(running.port(), localAddress);
    clients.push(client);
    return client;
  };
  return {
    gateway: running,
    connect,
    ask: async (bytes, method) => (await connect()).ask(bytes, method),
  };
}
