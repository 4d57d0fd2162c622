/** What the shop sells. `node catalog.ts PORT [next]`: the second word makes it the next version, which also counts. */
import { type Asked, data, Refusal, serve } from "./web.ts";

interface Product {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly year: number;
  readonly price: number;
}

const [port = "9001", version] = process.argv.slice(2);
const next = version === "next";
const products = data<Product[]>("products.json");

function list({ query }: Asked): object {
  const words = (query.get("q") ?? "").toLowerCase();
  const found = products.filter(({ title, author }) => `${title} ${author}`.toLowerCase().includes(words));
  const limit = Math.min(Math.max(Number(query.get("limit") ?? 20) || 20, 1), 100);
  const page = found.slice(0, limit);
  return { json: next ? { total: found.length, products: page } : { products: page } };
}

function one({ params }: Asked): object {
  const product = products.find(({ id }) => id === params["id"]);
  if (product === undefined) throw new Refusal(404, `there is no product ${params["id"]}`);
  return { json: product, fields: { "cache-control": "max-age=60" } };
}

serve(next ? "catalog-next" : "catalog", Number(port), `${products.length} books`, {
  "GET /products": list,
  "GET /products/{id}": one,
});
