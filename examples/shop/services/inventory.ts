/** How many of each product there are. `node inventory.ts PORT`. Reservations are all or nothing. */
import { type Asked, data, Refusal, serve } from "./web.ts";

/** How many of a product somebody wants. */
interface Item {
  readonly product: string;
  readonly quantity: number;
}

const [port = "9002"] = process.argv.slice(2);
const stock = new Map(Object.entries(data<Record<string, number>>("stock.json")));

function quantityOf(product: string): number {
  const quantity = stock.get(product);
  if (quantity === undefined) throw new Refusal(404, `there is no product ${product}`);
  return quantity;
}

function itemsOf(body: unknown): readonly Item[] {
  const { items } = (body ?? {}) as { items?: unknown };
  const valid =
    Array.isArray(items) &&
    items.length > 0 &&
    items.every(
      (item: Partial<Item> | null) =>
        typeof item?.product === "string" && Number.isInteger(item.quantity) && Number(item.quantity) > 0,
    );
  if (!valid) throw new Refusal(400, 'write { "items": [{ "product": "emma", "quantity": 1 }] }');
  return items as Item[];
}

function reserve({ body }: Asked): object {
  const items = itemsOf(body);
  const wanted = new Map<string, number>();
  for (const { product, quantity } of items) wanted.set(product, (wanted.get(product) ?? 0) + quantity);
  for (const [product, quantity] of wanted)
    if (quantityOf(product) < quantity)
      throw new Refusal(409, `only ${quantityOf(product)} of ${product} are left`);
  for (const [product, quantity] of wanted) stock.set(product, quantityOf(product) - quantity);
  return { status: 201, json: { reserved: items } };
}

serve("inventory", Number(port), `${stock.size} products in stock`, {
  "GET /stock": () => ({ json: Object.fromEntries(stock) }),
  "GET /stock/{id}": ({ params: { id = "" } }) => ({ json: { product: id, quantity: quantityOf(id) } }),
  "POST /reservations": reserve,
});
