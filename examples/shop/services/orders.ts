/** What was ordered. `node orders.ts PORT CATALOG INVENTORY`: it asks the catalog for prices, reserves in the inventory. */
import type { ServerResponse } from "node:http";
import { type Asked, data, Refusal, serve } from "./web.ts";

interface Item {
  readonly product: string;
  readonly quantity: number;
  readonly price: number;
}

interface Order {
  readonly id: string;
  readonly customer: string;
  readonly items: readonly Item[];
  readonly total: number;
  readonly placed: string;
}

const [port = "9003", catalog = "http://127.0.0.1:9001", inventory = "http://127.0.0.1:9002"] =
  process.argv.slice(2);
const orders = new Map(data<Order[]>("orders.json").map((order) => [order.id, order]));
const watchers = new Set<ServerResponse>();

async function ask(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(2_000) }).catch(() => {
    throw new Refusal(503, "another service of the shop cannot be reached");
  });
  const json = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Refusal(answer.status, String(json["error"]));
  return json;
}

async function create({ body }: Asked): Promise<object> {
  const { customer, items } = (body ?? {}) as { customer?: unknown; items?: unknown };
  if (typeof customer !== "string" || customer === "") throw new Refusal(400, "write who the customer is");
  const { reserved } = (await ask(`${inventory}/reservations`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ items }),
  })) as { reserved: readonly Omit<Item, "price">[] };
  const priced = await Promise.all(
    reserved.map(async (item) => {
      const { price } = await ask(`${catalog}/products/${encodeURIComponent(item.product)}`);
      return { ...item, price: Number(price) };
    }),
  );
  const total =
    Math.round(priced.reduce((sum, { quantity, price }) => sum + quantity * price, 0) * 100) / 100;
  const id = String(orders.size + 1);
  const order: Order = { id, customer, items: priced, total, placed: new Date().toISOString() };
  orders.set(id, order);
  for (const watcher of watchers) tell(watcher, order);
  return { status: 201, json: order, fields: { location: `/orders/${id}` } };
}

function one({ params: { id = "" } }: Asked): object {
  const order = orders.get(id);
  if (order === undefined) throw new Refusal(404, `there is no order ${id}`);
  return { json: order };
}

function tell(watcher: ServerResponse, order: Order): void {
  watcher.write(`event: order.placed\nid: ${order.id}\ndata: ${JSON.stringify(order)}\n\n`);
}

/** Server-sent events: an event for each order, a comment now and then so that nobody takes the silence for an end. */
function events(): object {
  const stream = (response: ServerResponse): void => {
    response.write(": you will hear of every order\n\n");
    const beat = setInterval(() => response.write(": still here\n\n"), 15_000);
    watchers.add(response);
    response.on("close", () => {
      clearInterval(beat);
      watchers.delete(response);
    });
  };
  return { fields: { "content-type": "text/event-stream", "cache-control": "no-store" }, stream };
}

serve("orders", Number(port), `${orders.size} orders`, {
  "GET /orders": () => ({ json: { orders: [...orders.values()] } }),
  "POST /orders": create,
  "GET /orders/events": events,
  "GET /orders/{id}": one,
});
