/** Bodies of requests whose trailers are looked through: every byte arrives, only what clients may not say is missing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Client, chunked, request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { Random } from "../support/random.ts";
import { bodyOf, pairs, type Service, startService } from "../support/service.ts";

const random = new Random(5);

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("bodies under the policy identity", () => {
  let service: Service;
  let gateway: TestGateway;
  before(async () => {
    service = await startService(async (incoming, response) => {
      const body = await bodyOf(incoming);
      response.end(
        JSON.stringify({
          hash: hash(body),
          length: incoming.headers["content-length"],
          told: pairs(incoming.rawHeaders).filter(([name]) => /^x[-_]user$/i.test(name)),
          trailers: pairs(incoming.rawTrailers),
        }),
      );
    });
    gateway = await startGateway({
      policies: [{ identity: { headers: { "x-user": "consumer.name" } } }],
      routes: [{ name: "all", service: "main" }],
      services: { main: { endpoints: [service.url] } },
    });
  });
  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  for (const size of [0, 10, 20_000, 300_000, 3_000_000])
    it(`${size} bytes in chunks, with trailers`, async () => {
      const client = await Client.open(gateway.port());
      const body = random.bytes(size);
      const trailers = "X-User: root\r\nx_user: root\r\nX-Sum: 1\r\n";
      const head = request("POST /", {
        "transfer-encoding": "chunked",
        trailer: "x-user, x-sum",
        "x-user": "root",
      });
      for (let again = 0; again < 2; again++) {
        const answer = await client.ask(
          Buffer.concat([head, chunked(body, random, 20_000, trailers)]),
          "POST",
        );
        const { hash: got, told, trailers: sent } = answer.json() as Record<string, unknown>;
        assert.equal(got, hash(body));
        assert.deepEqual(told, []);
        assert.deepEqual(
          (sent as [string, string][]).map(([name, value]) => [name.toLowerCase(), value]),
          [["x-sum", "1"]],
        );
      }
      client.reset();
    });

  for (const size of [1, 20_000, 3_000_000])
    it(`${size} bytes of known length stay of known length`, async () => {
      const client = await Client.open(gateway.port());
      const body = random.bytes(size);
      const answer = await client.ask(request("PUT /", { X_User: "root" }, body), "PUT");
      const { hash: got, length, told } = answer.json();
      assert.deepEqual([got, length, told], [hash(body), String(size), []]);
      client.reset();
    });
});
