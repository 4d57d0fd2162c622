import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { AcmeServer } from "../support/acme-server.ts";
import { Client } from "../support/client.ts";
import { ProcessStage, type ToranaProcess } from "../support/process.ts";
import { until, within } from "../support/wait.ts";

const HOSTS = ["shop.test", "www.shop.test"];

interface Running {
  readonly process: ToranaProcess;
  readonly http: number;
  readonly https: number;
  readonly admin: number;
}

/** Starts a gateway whose certificate comes from the CA. */
async function start(stage: ProcessStage, ca: AcmeServer, acme: object = {}): Promise<Running> {
  stage.write({
    workers: 2,
    admin: "127.0.0.1:0",
    listeners: [
      { name: "plain", address: "127.0.0.1:0", redirectToHttps: true },
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: {
          acme: {
            hosts: HOSTS,
            email: "ops@shop.test",
            directory: ca.directory,
            ca: ca.ca,
            storage: join(stage.folder, "storage"),
            terms: true,
            ...acme,
          },
        },
      },
    ],
    routes: [{ name: "all", policies: [{ respond: { status: 200, body: "served" } }] }],
  });
  const { process, port: http } = await stage.run();
  const [, https] = await process.says(/listening on 127\.0\.0\.1:(\d+) \(public\)/);
  const [, admin] = await process.says(/admin on port (\d+)/);
  return { process, http, https: Number(https), admin: Number(admin) };
}

async function handshake(port: number, servername: string, ca?: string): Promise<TLSSocket> {
  const options = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const socket = connect({ host: "127.0.0.1", port, servername, ALPNProtocols: ["http/1.1"], ...options });
  await within("a handshake", once(socket, "secureConnect"));
  return socket;
}

/** The fingerprint of what a host is shown; with a CA, only what that CA vouches for. */
async function shown(port: number, servername: string, ca?: string): Promise<string> {
  const socket = await handshake(port, servername, ca);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** What the storage holds of the certificate. */
function stored(stage: ProcessStage): { file: string; pem: string } {
  const folder = join(stage.folder, "storage");
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith(".pem"))!);
  return { file, pem: readFileSync(file, "utf8") };
}

test("a certificate is had by HTTP-01, served without a restart, and kept", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  const { process, http, https, admin } = await start(stage, ca);
  await process.says(/acme: shop\.test is served by a certificate that nobody trusts/);
  const before = await shown(https, "shop.test");
  ca.look({ http });
  await process.says(/acme: obtained a certificate for shop\.test, www\.shop\.test, valid until 20/);
  await process.says(/generation 2 serves/);
  for (const host of HOSTS) assert.notEqual(await shown(https, host, ca.ca), before);
  const { file, pem } = stored(stage);
  assert.match(pem, /^-----BEGIN PRIVATE KEY-----[\s\S]*-----END CERTIFICATE-----\n$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  assert.match(metrics, /torana_acme_orders_total\{host="shop.test",outcome="obtained"\} 1\n/);
  const config = await (await fetch(`http://127.0.0.1:${admin}/snapshot`)).text();
  for (const told of [config, metrics, process.output]) assert.doesNotMatch(told, /PRIVATE KEY|MHcC|MIGH/);
  process.signal("SIGTERM");
  assert.equal(await process.exit, 0);

  const again = await start(stage, ca);
  assert.notEqual(await shown(again.https, "shop.test", ca.ca), before);
  assert.deepEqual([ca.issued, ca.accounts], [1, 1]);
});

test("a certificate is had by TLS-ALPN-01", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  const { process, https } = await start(stage, ca, { challenge: "tls-alpn-01" });
  ca.look({ tls: https });
  await process.says(/acme: obtained a certificate/);
  await process.says(/generation 2 serves/);
  const socket = await handshake(https, "www.shop.test", ca.ca);
  assert.equal(socket.alpnProtocol, "http/1.1");
  socket.destroy();
});

test("what is due is renewed at once", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  ca.days = 0.0003;
  const first = await start(stage, ca);
  ca.look({ http: first.http });
  await first.process.says(/acme: obtained a certificate/);
  first.process.signal("SIGTERM");
  await first.process.exit;
  assert.equal(ca.issued, 1);

  ca.days = 90;
  const { process, http, https } = await start(stage, ca);
  ca.look({ http });
  await process.says(/acme: obtained a certificate/);
  await process.says(/generation 2 serves/);
  await shown(https, "shop.test", ca.ca);
  assert.deepEqual([ca.issued, ca.accounts], [2, 1]);
});

test("a CA that has forgotten the account is given another", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  ca.days = 0.0003;
  const first = await start(stage, ca);
  ca.look({ http: first.http });
  await first.process.says(/acme: obtained a certificate/);
  first.process.signal("SIGTERM");
  await first.process.exit;
  ca.forget();
  ca.days = 90;
  const { process, http } = await start(stage, ca);
  ca.look({ http });
  await process.says(/no certificate for .*: the account does not exist; the next try is in 1 s/);
  await process.says(/acme: obtained a certificate/);
  assert.deepEqual([ca.issued, ca.accounts], [2, 1]);
});

test("a stop does not wait for a CA, and leaves nothing locked", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  const { process } = await start(stage, ca);
  await until("a challenge", () => ca.asked.some((one) => one.startsWith("POST /challenge/")));
  process.signal("SIGTERM");
  assert.equal(await process.exit, 0);
  const left = readdirSync(join(stage.folder, "storage")).filter((name) => !name.startsWith("account-"));
  assert.deepEqual(left, ["challenges"]);
  assert.deepEqual(readdirSync(join(stage.folder, "storage", "challenges")), []);
});

test("a CA that refuses is left alone for as long as it says, and the gateway serves on", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  ca.refuse = { orders: 1, retryAfter: "7200" };
  const { process, https } = await start(stage, ca);
  await process.says(
    /no certificate for shop\.test, www\.shop\.test: .*too many orders; the next try is in 7200 s/,
  );
  await shown(https, "shop.test");
  assert.equal(ca.asked.filter((one) => one === "POST /order").length, 1);
});

test("a CA that cannot check a host says why, and answers to challenges are taken away", async () => {
  await using ca = await AcmeServer.start();
  await using stage = new ProcessStage();
  const { process, http } = await start(stage, ca);
  ca.look({ http: 1 });
  await process.says(
    /the CA could not check (www\.)?shop\.test by http-01: .*ECONNREFUSED.*next try is in \d+ s/,
  );
  assert.deepEqual(readdirSync(join(stage.folder, "storage", "challenges")), []);
  const client = await Client.open(http);
  const response = await client.ask(
    "GET /.well-known/acme-challenge/0123456789abcdef0123 HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  client.socket.destroy();
  assert.equal(response.text, "served");
});

test("a CA's server that is not to be believed gets no order", async () => {
  await using ca = await AcmeServer.start();
  await using other = await AcmeServer.start();
  await using stage = new ProcessStage();
  const { process } = await start(stage, ca, { ca: other.ca });
  await process.says(/no certificate for shop\.test, www\.shop\.test: .*certificate.*next try/);
  assert.deepEqual(ca.asked, []);
});

test("gateways that share a folder order once, and each answers for the other", async () => {
  await using ca = await AcmeServer.start();
  await using one = new ProcessStage();
  await using two = new ProcessStage();
  const storage = join(one.folder, "storage");
  const first = await start(one, ca, { storage });
  await first.process.says(/acme: orders a certificate/);
  const second = await start(two, ca, { storage });
  ca.look({ http: second.http });
  await first.process.says(/acme: obtained a certificate/);
  await first.process.says(/generation 2 serves/);
  await second.process.says(/generation 2 serves/);
  assert.equal(await shown(first.https, "shop.test", ca.ca), await shown(second.https, "shop.test", ca.ca));
  assert.equal(ca.issued, 1);
});
