import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Agent, get } from "node:https";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { type Made, TestAuthority } from "../support/certificates.ts";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";
import { askTls, openTls, outcome } from "../support/tls.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const ca = authority.certText;
const first = authority.issue({ names: ["DNS:shop.example", "DNS:localhost"] });
const second = authority.issue({ names: ["DNS:shop.example", "DNS:localhost"] });

function config(url: string, tls: object = {}, more: object = {}): object {
  return {
    workers: 2,
    listeners: [
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: { certificates: [{ cert: "shop.pem", key: "shop.key" }], ...tls },
      },
    ],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url] } },
    ...more,
  };
}

/** Puts a certificate in place of another as tools do: one file after the other. */
function put(stage: ProcessStage, { certText, keyText }: Made): void {
  stage.add("shop.key", keyText);
  stage.add("shop.pem", certText);
}

async function serial(port: number): Promise<string> {
  const answer = await askTls(port, { ca, servername: "shop.example" });
  assert.equal(answer.status, 200);
  return answer.certificate.serialNumber;
}

function serialOf({ certText }: Made): string {
  return new X509Certificate(certText).serialNumber;
}

/** Requests that follow one another, on kept connections and on new ones, until it is stopped. */
class Load {
  readonly failures = new Map<string, number>();
  done = 0;
  readonly #agent = new Agent({ keepAlive: true, ca, servername: "shop.example" });
  #stopped = false;
  readonly #runners: Promise<void>[];

  constructor(port: number, runners: number) {
    this.#runners = Array.from({ length: runners }, () => this.#run(port));
  }

  async #run(port: number): Promise<void> {
    for (let nth = 1; !this.#stopped; nth++) {
      const problem = await this.#one(port, nth % 5 === 0 ? false : this.#agent);
      if (problem === undefined) this.done++;
      else this.failures.set(problem, (this.failures.get(problem) ?? 0) + 1);
    }
  }

  #one(port: number, agent: Agent | false): Promise<string | undefined> {
    return new Promise((done) => {
      const options = { host: "127.0.0.1", port, agent, ca, servername: "shop.example" };
      const request = get(options, (response) => {
        response.on("error", (error) => done(`cut: ${error.message}`));
        response.on("end", () =>
          done(response.statusCode === 200 ? undefined : `status ${response.statusCode}`),
        );
        response.resume();
      });
      request.on("error", (error) => {
        const { code } = error as NodeJS.ErrnoException;
        // An idle connection may end as it is used again: every HTTP client repeats such a request.
        done(request.reusedSocket && code === "ECONNRESET" ? undefined : (code ?? error.message));
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#runners);
    this.#agent.destroy();
  }
}

async function alive(socket: TLSSocket): Promise<void> {
  socket.write("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
}

test("fifty certificates in a row: no request fails, new handshakes get the new one, open connections stay", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  put(stage, first);
  stage.write(config(service.url));
  const { port } = await stage.run();
  const serials = [serialOf(first), serialOf(second)];
  assert.equal(await serial(port), serials[0]);
  const open = await openTls(port, { ca, servername: "shop.example" });
  await alive(open);
  const load = new Load(port, 4);
  for (let swap = 1; swap <= 50; swap++) {
    put(stage, swap % 2 === 1 ? second : first);
    const wanted = serials[swap % 2]!;
    let shown = "";
    const look = async (): Promise<void> => {
      // Both workers must show it.
      const seen = new Set(await Promise.all(Array.from({ length: 6 }, () => serial(port))));
      shown = seen.size === 1 ? [...seen][0]! : "";
    };
    for (let tries = 0; shown !== wanted && tries < 200; tries++) await look();
    assert.equal(shown, wanted, `swap ${swap}`);
  }
  await alive(open);
  open.destroy();
  await load.stop();
  assert.deepEqual([...load.failures], []);
  assert.ok(load.done > 100, `only ${load.done} requests were made`);
});

test("a broken certificate changes nothing and says so; a key is never shown", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  put(stage, first);
  stage.write(config(service.url, {}, { admin: "127.0.0.1:0" }));
  const { process, port } = await stage.run();
  stage.add("shop.key", second.keyText);
  await process.says(
    /stays in force\n.*torana\.json:\d+:\d+: listeners\[0\]\.tls\.certificates\[0\]\.key: .*does not belong/,
  );
  assert.equal(await serial(port), serialOf(first));
  process.forget();
  stage.add("shop.pem", "not a certificate");
  await process.says(/stays in force\n.*holds no certificate/);
  assert.equal(await serial(port), serialOf(first));
  process.forget();
  put(stage, second);
  await process.says(/generation \d+ serves/);
  assert.equal(await serial(port), serialOf(second));
  for (const secret of [first, second]) assert.ok(!process.output.includes(secret.keyText.split("\n")[1]!));
});

test("a config whose certificate has expired does not start, and says which", async () => {
  await using stage = new ProcessStage();
  put(stage, authority.issue({ names: ["DNS:shop.example"], from: -9, to: -2 }));
  stage.write(config("http://127.0.0.1:1"));
  const process = stage.start("run", stage.file);
  assert.equal(await process.exit, 2);
  assert.match(process.output, /certificates\[0\]\.cert: the file shop\.pem has expired .*renew it/);
});

test("a revocation list that has expired, or is about to, is said in the log and is a metric", async () => {
  await using stage = new ProcessStage();
  put(stage, first);
  const lists = { clients: [{ ca: authority.cert, crl: authority.list(-3, -1) }] };
  stage.write(config("http://127.0.0.1:1", lists, { admin: "127.0.0.1:0" }));
  const { process } = await stage.run();
  await process.says(
    /listener public: the revocation list \S+\.crl HAS EXPIRED \(.*\): every client certificate/,
  );
  const [, admin] = await process.says(/admin on port (\d+)/);
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const [, expiry] =
    /torana_tls_crl_expiry_timestamp_seconds\{listener="public",crl="[^"]+"\} (\S+)/.exec(text) ?? [];
  const days = (Number(expiry) * 1_000 - Date.now()) / 86_400_000;
  assert.ok(days > -1.1 && days < -0.9, `${days} days`);
  stage.write(
    config("http://127.0.0.1:1", { clients: [{ ca: authority.cert, crl: authority.list(-1, 0.5) }] }),
  );
  await process.says(/the revocation list \S+\.crl expires in 1 day /);
});

test("a pair that a tool replaces one file after the other is taken without a complaint", async () => {
  await using stage = new ProcessStage();
  put(stage, first);
  stage.write(config("http://127.0.0.1:1"));
  const { process } = await stage.run();
  stage.add("shop.pem", second.certText);
  await sleep(150);
  stage.add("shop.key", second.keyText);
  await process.says(/generation 2 serves/);
  assert.doesNotMatch(process.output, /stays in force/);
});

test("workers resume one another's sessions; expiry and handshakes are metrics; an end that nears is said", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const soon = authority.issue({ names: ["DNS:shop.example"], to: 3 });
  put(stage, soon);
  stage.write(config(service.url, {}, { admin: "127.0.0.1:0" }));
  const { process, port } = await stage.run();
  await process.says(/listener public: the certificate shop\.pem \(serial \w+\) expires in 3 days/);
  const { session } = await askTls(port, { ca, servername: "shop.example" });
  for (let i = 0; i < 8; i++)
    assert.equal((await askTls(port, { ca, servername: "shop.example", session: session! })).resumed, true);
  assert.equal(typeof (await outcome(askTls(port, { servername: "shop.example" }))), "string");
  const [, admin] = await process.says(/admin on port (\d+)/);
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  assert.match(text, /torana_tls_handshakes_total\{listener="public",result="ok"\} \d+/);
  const [, expiry] =
    /torana_tls_certificate_expiry_timestamp_seconds\{[^}]*certificate="shop\.pem"[^}]*\} (\S+)/.exec(text) ??
    [];
  const days = (Number(expiry) * 1_000 - Date.now()) / 86_400_000;
  assert.ok(days > 2 && days <= 3, `${days} days`);
});
