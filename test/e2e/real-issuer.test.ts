/** Tokens of a real authorization server: signed ones, opaque ones, and those that the gateway gets for itself. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Client, problemOf, request } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { CLIENT, type Issuer, startIssuer } from "../support/issuer.ts";
import { type Service, startService } from "../support/service.ts";
import { jwkOf } from "../support/tokens.ts";
import { until } from "../support/wait.ts";

const ALGORITHMS = ["RS256", "PS384", "ES256", "ES512", "EdDSA"] as const;

/** Private keys of the issuer, one for each algorithm. */
const keys = ALGORITHMS.map((alg) => {
  const pair =
    alg === "EdDSA"
      ? generateKeyPairSync("ed25519")
      : alg.startsWith("ES")
        ? generateKeyPairSync("ec", { namedCurve: alg === "ES256" ? "P-256" : "P-521" })
        : generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return jwkOf(pair.privateKey, { kid: alg, alg, use: "sig" });
});

let service: Service;

before(async () => {
  service = await startService((_request, response) => void response.end("in"));
});

after(() => service.stop());

/** An issuer that signs access tokens by the algorithm that a request's resource names. */
function signingIssuer(): Promise<Issuer> {
  return startIssuer({
    jwks: { keys },
    configuration: {
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context: object, resource: string) => ({
            scope: "read write",
            audience: "shop",
            accessTokenFormat: "jwt",
            accessTokenTTL: 300,
            jwt: { sign: { alg: new URL(resource).pathname.slice(1) } },
          }),
        },
      },
    },
  });
}

/** A token by the client's own credentials. */
async function tokenOf(issuer: Issuer, more: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${issuer.url}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", ...more }),
  });
  const answer = (await response.json()) as { access_token?: string };
  assert.ok(answer.access_token !== undefined, JSON.stringify(answer));
  return answer.access_token;
}

/** Asks a gateway with these policies; gives "in", or the reason. */
async function start(policies: object[], more: object = {}) {
  const gateway = await startGateway({
    policies,
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
    ...more,
  });
  const client = await Client.open(gateway.port());
  const ask = async (fields: Record<string, string>): Promise<unknown> => {
    const answer = await client.ask(request("GET /", fields));
    return answer.status === 200 ? "in" : (problemOf(answer, answer.status)["reason"] as string);
  };
  const stop = async (): Promise<void> => {
    client.reset();
    await gateway.stop();
  };
  return {
    ask,
    bearer: (token: string) => ask({ authorization: `Bearer ${token}` }),
    [Symbol.asyncDispose]: stop,
  };
}

describe("a real issuer", () => {
  it("signs access tokens (RFC 9068) by each algorithm; the consumer is who its issuer and subject say", async () => {
    await using issuer = await signingIssuer();
    const jwt = {
      issuer: issuer.url,
      audience: "shop",
      scopes: "read",
      types: ["at+jwt"],
      requireConsumer: true,
    };
    await using torana = await start(
      [{ jwt }, { identity: { headers: { "x-consumer": "consumer.name" } } }],
      {
        consumers: [{ name: "shop-client", subjects: [{ issuer: issuer.url, subject: CLIENT.id }] }],
      },
    );
    for (const alg of ALGORITHMS) {
      const token = await tokenOf(issuer, { resource: `https://shop.example/${alg}`, scope: "read" });
      assert.equal(JSON.parse(String(Buffer.from(token.split(".")[0]!, "base64url"))).alg, alg);
      assert.equal(await torana.bearer(token), "in", alg);
      assert.equal(await torana.bearer(token), "in", alg);
      assert.ok(
        service.seen.at(-1)!.fields.some(([name, value]) => name === "x-consumer" && value === "shop-client"),
      );
    }
    const other = await tokenOf(issuer, { resource: "https://shop.example/RS256", scope: "write" });
    assert.equal(await torana.bearer(other), "jwt_scope");
    assert.equal(issuer.count("GET /jwks"), 1);
  });

  it("is asked about opaque tokens (RFC 7662), and its word on revoked ones counts", async () => {
    await using issuer = await startIssuer();
    const introspection = {
      url: `${issuer.url}/token/introspection`,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      consumerClaim: "client_id",
      cacheFor: "0s",
      inactiveFor: "0s",
    };
    await using torana = await start([{ introspection }], { consumers: [{ name: CLIENT.id }] });
    const token = await tokenOf(issuer);
    assert.equal(await torana.bearer(token), "in");
    assert.equal(
      await torana.bearer(token.slice(0, -1) + (token.endsWith("x") ? "y" : "x")),
      "token_inactive",
    );
    await fetch(`${issuer.url}/token/revocation`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    assert.equal(await torana.bearer(token), "token_inactive");
    const next = await tokenOf(issuer);
    issuer.down = true;
    assert.equal(await torana.bearer(next), "token_unavailable");
    issuer.down = false;
    assert.equal(await torana.bearer(next), "in");
  });

  it("is one of two ways in: signed tokens here, opaque ones there", async () => {
    await using issuer = await startIssuer();
    await using signing = await signingIssuer();
    const introspection = {
      url: `${issuer.url}/token/introspection`,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
    };
    const methods = [{ jwt: { issuer: signing.url } }, { introspection }];
    await using torana = await start([{ "any-of": { methods } }]);
    const signed = await tokenOf(signing, { resource: "https://shop.example/ES256" });
    assert.equal(await torana.bearer(signed), "in");
    assert.equal(await torana.bearer(await tokenOf(issuer)), "in");
    assert.notEqual(await torana.bearer("junk"), "in");
    assert.notEqual(await torana.ask({}), "in");
  });

  it("gives the gateway tokens for its services, and keeps the gateway's secret from them", async () => {
    await using issuer = await startIssuer();
    const clientCredentials = {
      service: "idp",
      path: "/token",
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
    };
    await using torana = await start([], {
      services: {
        main: { endpoints: [service.url], policies: [{ "client-credentials": clientCredentials }] },
        idp: { endpoints: [issuer.url.replace("localhost", "127.0.0.1")] },
      },
    });
    const before = service.seen.length;
    for (let i = 0; i < 3; i++) assert.equal(await torana.ask({ authorization: "Bearer mine" }), "in");
    await until("the service saw them", () => service.seen.length === before + 3);
    const sent = new Set(
      service.seen.slice(before).map(({ fields }) => fields.find(([name]) => name === "authorization")?.[1]),
    );
    assert.equal(sent.size, 1);
    assert.match([...sent][0]!, /^Bearer (?!mine)[\w-]{20,}$/);
    assert.deepEqual(issuer.grants, ["client_credentials done"]);
  });
});
