import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { authority } from "../support/authority.ts";
import { Client, request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { askTls, type TlsAsk } from "../support/tls.ts";

const FIELDS = [
  ...["tlsVersion", "tlsCipher", "tlsServerName", "tlsAlpn"],
  ...["clientCertificateSubject", "clientCertificateIssuer", "clientCertificateSan"],
  ...["clientCertificateSpiffe", "clientCertificateFingerprint", "clientCertificateNotAfter"],
];

function logFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "torana-facts-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "access.log");
}

interface Facts {
  readonly gateway: TestGateway;
  readonly clientCert: X509Certificate;
  readonly nobody: TlsAsk;
  readonly client: TlsAsk;
  readonly plain: Client;
}

/** A gateway with TLS and without, which asks for clients' certificates where they have one. */
async function facts(t: TestContext, config: object): Promise<Facts> {
  const ca = authority(t);
  const server = ca.issue({ names: ["DNS:shop.example"] });
  const orders = ca.issue({ names: ["URI:spiffe://example/orders", "DNS:orders.example"], use: "client" });
  const certificates = [{ cert: server.cert, key: server.key }];
  const gateway = await startGateway({
    listeners: [
      {
        name: "secure",
        address: "127.0.0.1:0",
        tls: { certificates, clients: [{ verify: "optional", ca: ca.cert }] },
      },
      { name: "plain", address: "127.0.0.1:0" },
    ],
    ...config,
  });
  t.after(() => gateway.stop(0));
  const nobody = { ca: ca.certText, servername: "shop.example" };
  const client = { ...nobody, cert: orders.certText, key: orders.keyText };
  const plain = await Client.open(gateway.port("plain"));
  return { gateway, clientCert: new X509Certificate(orders.certText), nobody, client, plain };
}

test("a line of the log tells of TLS and of the client's certificate; what there is not is null", async (t) => {
  const to = logFile(t);
  const there = await facts(t, {
    policies: [{ "access-log": { to, fields: FIELDS } }],
    routes: [{ name: "all", policies: [{ respond: {} }] }],
  });
  const port = there.gateway.port("secure");
  const maxVersion = "TLSv1.2" as const;
  const { cipher } = await askTls(port, { ...there.client, maxVersion });
  await askTls(port, there.nobody);
  await there.plain.ask(request("GET /"));
  await there.gateway.stop();
  const [known, unknown, plain] = readFileSync(to, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(known, {
    tlsVersion: "TLSv1.2",
    tlsCipher: cipher,
    tlsServerName: "shop.example",
    tlsAlpn: "http/1.1",
    clientCertificateSubject: "CN=spiffe://example/orders",
    clientCertificateIssuer: "CN=test CA",
    clientCertificateSan: "URI:spiffe://example/orders,DNS:orders.example",
    clientCertificateSpiffe: "spiffe://example/orders",
    clientCertificateFingerprint: there.clientCert.fingerprint256.replaceAll(":", "").toLowerCase(),
    clientCertificateNotAfter: there.clientCert.validToDate.toISOString(),
  });
  assert.equal(unknown!["tlsVersion"], "TLSv1.3");
  assert.equal(unknown!["clientCertificateSubject"], null);
  assert.deepEqual(plain, Object.fromEntries(FIELDS.map((name) => [name, null])));
});

test("a line of text has them by the same names", async (t) => {
  const to = logFile(t);
  const template = "${tlsVersion} ${tlsServerName} ${clientCertificateSan} ${status}";
  const there = await facts(t, {
    policies: [{ "access-log": { to, template } }],
    routes: [{ name: "all", policies: [{ respond: {} }] }],
  });
  await askTls(there.gateway.port("secure"), there.client);
  await there.plain.ask(request("GET /"));
  await there.gateway.stop();
  assert.equal(
    readFileSync(to, "utf8"),
    "TLSv1.3 shop.example URI:spiffe://example/orders,DNS:orders.example 200\n- - - 200\n",
  );
});

test("expressions choose routes by TLS and by the client's certificate", async (t) => {
  const routes = Object.entries({
    spiffe: 'clientCertificate.spiffe == "spiffe://example/orders" && request.path == "/spiffe"',
    names: '"DNS:orders.example" in clientCertificate.san && request.path == "/names"',
    texts:
      'clientCertificate.subject.startsWith("CN=spiffe") && clientCertificate.issuer == "CN=test CA" && ' +
      'clientCertificate.fingerprint.matches("^[0-9a-f]{64}$") && request.path == "/texts"',
    end: 'clientCertificate.notAfter > timestamp("2000-01-01T00:00:00Z") && request.path == "/end"',
    old: 'tls.version == "TLSv1.2"',
    tls: 'tls.version == "TLSv1.3" && tls.alpn == "http/1.1" && tls.serverName == "shop.example" && tls.cipher != ""',
    plain: 'tls.version == "" && clientCertificate.fingerprint == "" && clientCertificate.san.size() == 0',
  }).map(([name, when]) => ({ name, match: { path: "/*", when }, policies: [{ respond: { body: name } }] }));
  const there = await facts(t, { routes });
  const port = there.gateway.port("secure");
  for (const name of ["spiffe", "names", "texts", "end"]) {
    assert.equal((await askTls(port, { ...there.client, path: `/${name}` })).body, name);
    assert.equal((await askTls(port, { ...there.nobody, path: `/${name}` })).body, "tls");
    assert.equal((await there.plain.ask(request(`GET /${name}`))).text, "plain");
  }
  assert.equal((await askTls(port, { ...there.client, maxVersion: "TLSv1.2" })).body, "old");
});
