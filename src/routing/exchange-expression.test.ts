import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { memoryGateway } from "../testing/index.ts";
import { compileExchangeExpression } from "./exchange-expression.ts";

/** An exchange with all that an expression can ask for. */
async function exchange(): Promise<Exchange> {
  const who = definePolicy({
    name: "test-who",
    phase: "authenticate",
    options: z.strictObject({}),
    compile: () => (x) => {
      x.consumer = {
        name: "ada",
        groups: ["gold", "staff"],
        tags: ["eu"],
        metadata: { rate: 5, plan: "pro" },
      };
      x.claims = { sub: "ada", scope: ["read"], org: { id: 7 } };
      x.credential = "key-1";
      return undefined;
    },
  }) as unknown as PolicyDefinition;
  const routes = [{ name: "orders", match: { path: "/orders/{id}" }, service: "main" }];
  const gateway = memoryGateway({ policies: [who], config: { routes, policies: [{ "test-who": {} }] } });
  const fields = { "x-a": "1", cookie: "sid=7" };
  return (await gateway.send({ target: "/orders/9?b=c", fields })).exchange;
}

describe("expressions over an exchange", () => {
  const cases: [text: string, wants: "bool" | "string" | "number", value: unknown][] = [
    ["request.method + request.path", "string", "GET/orders/9"],
    ['request.headers["x-a"] + request.query["b"] + request.cookies["sid"]', "string", "1c7"],
    ["request.host", "string", "a.example"],
    ["client.address", "string", "192.0.2.1"],
    ['consumer.name == "ada" && "gold" in consumer.groups && "eu" in consumer.tags', "bool", true],
    ["consumer.metadata.rate * 2.0", "number", 10],
    ["consumer.metadata.rate > 4", "bool", true],
    ["consumer.metadata.plan", "string", "pro"],
    ["claims.sub", "string", "ada"],
    ["claims.org.id == 7", "bool", true],
    ['"read" in claims.scope', "bool", true],
    ['has(claims.email) ? claims.email : "none"', "string", "none"],
    ["params.id + route + credential", "string", "9orderskey-1"],
    ["1 + 2", "number", 3],
    ["2u", "number", 2],
    ["size(request.path)", "number", 9],
  ];
  for (const [text, wants, value] of cases)
    test(text, async () => assert.equal(compileExchangeExpression(text, wants)(await exchange()), value));

  test("an answer can be asked where there is one", async () => {
    const run = compileExchangeExpression(
      'response.status == 200 ? int(response.headers["x-n"]) : 0',
      "number",
      true,
    );
    assert.equal(run(await exchange(), Reply.text(200, "", { "x-n": "12" })), 12);
    assert.throws(() => compileExchangeExpression("response.status == 200", "bool"), /response/);
  });

  test("what cannot be is refused when it is compiled", () => {
    assert.throws(() => compileExchangeExpression("1 +", "number"), /is not a CEL expression/);
    assert.throws(() => compileExchangeExpression("nobody.name", "string"), /nobody/);
    assert.throws(() => compileExchangeExpression("request.nothing", "string"), /nothing/);
    assert.throws(() => compileExchangeExpression("request.path", "number"), /gives string, not a number/);
    assert.throws(() => compileExchangeExpression("1", "bool"), /gives int, not true or false/);
  });

  test("what fails when it is asked throws, and says what", async () => {
    const x = await exchange();
    assert.throws(() => compileExchangeExpression("claims.email", "string")(x), /claims\.email.*email/);
    assert.throws(() => compileExchangeExpression("claims.org.id", "string")(x), /does not give a text/);
  });

  test("without consumer and token there are empty ones", async () => {
    const { exchange: x } = await memoryGateway({ policies: [] }).send();
    assert.equal(
      compileExchangeExpression('consumer.name == "" && size(consumer.groups) == 0', "bool")(x),
      true,
    );
    assert.equal(compileExchangeExpression("has(claims.sub)", "bool")(x), false);
  });
});
