/** Every attack of the table, against the policy in memory and against a real gateway. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jwt } from "../../src/policies/jwt.ts";
import { memoryGateway } from "../../src/testing/index.ts";
import { Client, problemOf, request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, startService } from "../support/service.ts";
import { ATTACKS, goodToken, makeStage, optionsOf } from "./jwt-attacks.ts";

const stage = makeStage();
const policies = [{ jwt: optionsOf(stage) }];

describe("attacks on tokens", () => {
  it("are at least forty, each with a name of its own", () => {
    assert.ok(ATTACKS.length >= 40, String(ATTACKS.length));
    assert.equal(new Set(ATTACKS.map(({ title }) => title)).size, ATTACKS.length);
  });

  describe("in memory", () => {
    const gateway = memoryGateway({ policies: [jwt], config: { policies } });
    after(() => gateway.close());
    const send = (token: string) => gateway.send({ fields: { authorization: `Bearer ${token}` } });

    it("lets the good token in, before and after", async () => {
      for (let i = 0; i < 2; i++) assert.equal((await send(goodToken(stage))).reply.status, 200);
    });

    for (const { title, reason, make } of ATTACKS)
      it(`${title}: ${reason}`, async () => {
        const token = make(stage);
        for (let again = 0; again < 2; again++) {
          const { exchange, sent, reply } = await send(token);
          assert.deepEqual([exchange.outcome?.reason, sent.length], [reason, 0]);
          const told = `${Buffer.from(reply.body)} ${[...reply.fields.entries()].join()}`;
          if (token.length > 20) assert.equal(told.includes(token.slice(0, 20)), false);
        }
      });
  });

  describe("through a real gateway", () => {
    let service: Service;
    let gateway: TestGateway;
    before(async () => {
      service = await startService((_request, response) => void response.end("in"));
      gateway = await startGateway({
        policies,
        routes: [{ name: "all", service: "main" }],
        services: { main: { endpoints: [service.url] } },
      });
    });
    after(async () => {
      await gateway.stop();
      await service.stop();
    });

    it("refuses each with its reason, and lets the good token in on the same connection", async () => {
      const client = await Client.open(gateway.port());
      for (const { title, reason, make } of ATTACKS) {
        const answer = await client.ask(request("GET /", { authorization: `Bearer ${make(stage)}` }));
        assert.equal(problemOf(answer, answer.status)["reason"], reason, title);
        assert.equal(answer.status, reason === "jwt_scope" ? 403 : 401, title);
        if (answer.status === 401)
          assert.match(
            answer.field("www-authenticate") ?? "",
            /^Bearer error="invalid_token", error_description="[^"\\]+"$/,
          );
      }
      const good = await client.ask(request("GET /", { authorization: `Bearer ${goodToken(stage)}` }));
      assert.deepEqual([good.status, good.text], [200, "in"]);
      assert.equal(service.seen.length, 1);
      assert.equal(
        service.seen[0]!.fields.some(([name]) => name.toLowerCase() === "authorization"),
        false,
      );
      client.reset();
    });
  });
});
