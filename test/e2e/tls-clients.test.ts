import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { after, test } from "node:test";
import { checkConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { type Made, TestAuthority } from "../support/certificates.ts";
import { refusals, startGateway, type TestGateway } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { askTls, openTls, outcome, type TlsAsk } from "../support/tls.ts";
import { until } from "../support/wait.ts";

const authority = new TestAuthority("clients' CA");
const strangers = new TestAuthority("another CA");
after(() => {
  authority[Symbol.dispose]();
  strangers[Symbol.dispose]();
});
const ca = authority.certText;
const server = authority.issue({ names: ["DNS:public.example", "DNS:*.internal.example"] });
const orders = authority.issue({
  names: ["URI:spiffe://example/orders", "DNS:orders.example"],
  use: "client",
});
const revoked = authority.issue({ names: ["DNS:revoked.example"], use: "client" });
const expired = authority.issue({ names: ["DNS:expired.example"], use: "client", from: -9, to: -2 });
const wrongPurpose = authority.issue({ names: ["DNS:server.example"] });
const stranger = strangers.issue({ names: ["DNS:orders.example"], use: "client" });
const crl = authority.revoke(revoked);

const INTERNAL = "a.internal.example";

function config(url: string, clients: readonly object[], route: object = {}): object {
  return {
    listeners: [
      {
        name: "secure",
        address: "127.0.0.1:0",
        tls: { certificates: [{ cert: server.cert, key: server.key }], clients },
      },
    ],
    routes: [{ name: "all", service: "main", ...route }],
    services: { main: { endpoints: [url] } },
  };
}

const internal = { hosts: ["*.internal.example"], ca: authority.cert, crl };

function as(who: Made | undefined, servername = INTERNAL): TlsAsk {
  return { ca, servername, ...(who && { cert: who.certText, key: who.keyText }) };
}

function handshakes({ gateway }: TestGateway, result: string): number {
  const series = gateway.counts().of("handshake");
  return series.reduce((sum, { labels, values }) => (labels.result === result ? sum + values[0]! : sum), 0);
}

for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const)
  for (const verify of ["required", "optional"] as const)
    test(`${verify}, ${maxVersion}: who shows a good certificate is let in, everybody else is not`, async () => {
      await using service = await startService(
        (request, response) => void response.end(String(request.headers["client-cert"])),
      );
      const policies = [{ "client-certificate": {} }];
      const gateway = await startGateway(config(service.url, [{ ...internal, verify }], { policies }));
      const ask = (who: Made | undefined): Promise<number | string> =>
        outcome(askTls(gateway.port(), { ...as(who), maxVersion }));
      const good = await askTls(gateway.port(), { ...as(orders), maxVersion });
      assert.equal(good.status, 200);
      const der = orders.certText.replace(/-----[A-Z ]+-----|\s/g, "");
      assert.equal(good.body, `:${der}:`);
      for (const [who, result] of [
        [stranger, "unknown_ca"],
        [expired, "certificate_expired"],
        [revoked, "certificate_revoked"],
        [wrongPurpose, "certificate_purpose"],
      ] as const) {
        assert.notEqual(await ask(who), 200, result);
        await until(result, () => handshakes(gateway, result) === 1);
      }
      if (verify === "optional") assert.equal(await ask(undefined), 200);
      else {
        assert.notEqual(await ask(undefined), 200);
        await until("no_certificate", () => handshakes(gateway, "no_certificate") === 1);
      }
      assert.equal(service.failures.length, 0);
      await gateway.stop();
    });

test("a list that has expired refuses every certificate, and is counted so", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const clients = [{ ...internal, crl: authority.list(-3, -1), verify: "optional" }];
  const gateway = await startGateway(config(service.url, clients));
  assert.notEqual(await outcome(askTls(gateway.port(), as(orders))), 200);
  await until("it to be counted", () => handshakes(gateway, "crl_expired") === 1);
  assert.equal(await outcome(askTls(gateway.port(), as(undefined))), 200);
  await gateway.stop();
});

test("what is asked differs by host: others need no certificate", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, [internal]));
  assert.equal(await outcome(askTls(gateway.port(), as(undefined, "public.example"))), 200);
  assert.equal(await outcome(askTls(gateway.port(), as(orders))), 200);
  assert.notEqual(await outcome(askTls(gateway.port(), as(undefined, "deep.a.internal.example"))), 200);
  await gateway.stop();
});

test("a request whose host asks for other certificates than the connection's is misdirected", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, [internal]));
  const ask = (servername: string | undefined, hostField: string, who?: Made): Promise<number | string> => {
    const { servername: _none, ...rest } = as(who);
    const name = servername === undefined ? { rejectUnauthorized: false } : { servername };
    return outcome(askTls(gateway.port(), { ...rest, ...name, hostField }));
  };
  for (const host of [
    INTERNAL,
    `${INTERNAL}:8443`,
    "A.Internal.Example",
    `${INTERNAL}.`,
    "x.y.internal.example",
  ])
    assert.equal(await ask("public.example", host), 421, host);
  assert.equal(await ask(undefined, INTERNAL), 421);
  assert.equal(await ask(INTERNAL, "public.example", orders), 421);
  assert.equal(await ask(INTERNAL, "b.internal.example", orders), 200);
  assert.equal(await ask("public.example", "elsewhere.example"), 200);
  assert.equal(refusals(gateway, "misdirected_request"), 7);
  assert.equal(service.seen.length, 2);
  await gateway.stop();
});

test("a coalesced stream of HTTP/2 is misdirected by itself: the others go on", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, [internal]));
  const session = connectHttp2(`https://127.0.0.1:${gateway.port()}`, { ca, servername: "public.example" });
  const ask = async (authority: string): Promise<unknown> => {
    const stream = session.request({ ":authority": authority, ":path": "/" });
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    stream.resume();
    await once(stream, "end");
    return head[":status"];
  };
  assert.equal(await ask("public.example"), 200);
  assert.equal(await ask(INTERNAL), 421);
  assert.equal(await ask(`${INTERNAL}:${gateway.port()}`), 421);
  assert.equal(await ask("public.example"), 200);
  session.close();
  await gateway.stop();
});

test("an absolute target's host counts, not the Host field", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, [internal]));
  const path = `https://${INTERNAL}/`;
  const asked = askTls(gateway.port(), { ...as(undefined, "public.example"), hostField: INTERNAL, path });
  assert.equal(await outcome(asked), 421);
  await gateway.stop();
});

for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const)
  test(`${maxVersion}: a session of a host that asks nothing is none where a certificate is asked for`, async () => {
    await using service = await startService((_request, response) => void response.end("served"));
    const gateway = await startGateway(config(service.url, [internal]));
    const first = await askTls(gateway.port(), { ...as(undefined, "public.example"), maxVersion });
    assert.ok(first.session);
    const { session } = first;
    const again = await askTls(gateway.port(), { ...as(undefined, "public.example"), maxVersion, session });
    assert.equal(again.resumed, true);
    assert.notEqual(await outcome(askTls(gateway.port(), { ...as(undefined), maxVersion, session })), 200);
    const known = await askTls(gateway.port(), { ...as(orders), maxVersion });
    const resumed = await askTls(gateway.port(), { ...as(orders), maxVersion, session: known.session! });
    assert.equal(resumed.resumed, true);
    assert.equal(resumed.status, 200);
    await gateway.stop();
  });

for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const)
  test(`${maxVersion}: a session that began with one CA's certificate is none where another CA is believed`, async () => {
    await using service = await startService((_request, response) => void response.end("served"));
    const clients = [
      { hosts: ["a.internal.example"], ca: authority.cert },
      { hosts: ["b.internal.example"], ca: strangers.cert },
    ];
    const gateway = await startGateway(config(service.url, clients));
    const { session } = await askTls(gateway.port(), { ...as(orders, "a.internal.example"), maxVersion });
    assert.ok(session);
    const here = await askTls(gateway.port(), { ...as(orders, "a.internal.example"), maxVersion, session });
    assert.equal(here.resumed, true);
    const there = { ...as(orders, "b.internal.example"), maxVersion, session };
    assert.notEqual(await outcome(askTls(gateway.port(), there)), 200);
    await until("the refusal", () => handshakes(gateway, "unknown_ca") === 1);
    const stranger2 = await askTls(gateway.port(), {
      ...as(stranger, "b.internal.example"),
      maxVersion,
      session,
    });
    assert.equal(stranger2.resumed, false);
    await gateway.stop();
  });

for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const)
  test(`${maxVersion}: a session does not outlive the CA, or a revocation, by which it began`, async () => {
    await using service = await startService((_request, response) => void response.end("served"));
    const gateway = await startGateway(config(service.url, [internal]));
    const change = async (clients: object): Promise<void> => {
      const next = checkConfig(config(service.url, [{ ...internal, ...clients }]));
      gateway.gateway.commit(await gateway.gateway.prepare(next, await loadCatalog(next, new Map())));
    };
    const { session } = await askTls(gateway.port(), { ...as(orders), maxVersion });
    const open = await openTls(gateway.port(), { ...as(orders), maxVersion });
    await change({ crl: authority.revoke() });
    const again = await askTls(gateway.port(), { ...as(orders), maxVersion, session: session! });
    assert.equal(again.resumed, false);
    await change({ ca: strangers.cert, crl: undefined });
    assert.notEqual(
      await outcome(askTls(gateway.port(), { ...as(orders), maxVersion, session: session! })),
      200,
    );
    // What was open stays, but is not believed for this host any more.
    open.write(`GET / HTTP/1.1\r\nHost: ${INTERNAL}\r\n\r\n`);
    const [answer] = (await once(open, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 421 /);
    open.destroy();
    await gateway.stop();
  });

for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const)
  test(`${maxVersion}: who was refused gets no session that lets it in`, async () => {
    await using service = await startService((_request, response) => void response.end("served"));
    const gateway = await startGateway(config(service.url, [{ ...internal, verify: "optional" }]));
    let session: Buffer | undefined;
    try {
      const socket = await openTls(gateway.port(), { ...as(stranger), maxVersion });
      socket.on("error", () => undefined);
      socket.on("session", (one) => {
        session = one;
      });
      session = maxVersion === "TLSv1.2" ? socket.getSession() : session;
      await new Promise((gone) => socket.resume().once("close", gone));
    } catch {
      // Refused before the client thought that it was through.
    }
    const answer = outcome(
      askTls(gateway.port(), { ...as(stranger), maxVersion, ...(session && { session }) }),
    );
    assert.notEqual(await answer, 200);
    await gateway.stop();
  });

test("the identity is on the exchange: subject, names, SPIFFE id, and the policy may demand one", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const policies = [{ "client-certificate": { require: true, forward: false } }];
  const gateway = await startGateway(
    config(service.url, [{ ...internal, hosts: [], verify: "optional" }], { policies }),
  );
  assert.equal(await outcome(askTls(gateway.port(), as(undefined))), 403);
  assert.equal(await outcome(askTls(gateway.port(), as(orders))), 200);
  assert.equal(
    service.seen[0]?.fields.some(([name]) => name.toLowerCase() === "client-cert"),
    false,
  );
  await gateway.stop();
});
