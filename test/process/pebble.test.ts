/** Certificates of Pebble, the CA that Let's Encrypt is tested with. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { get } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { createAuthority, createCertificate } from "../../src/lib/x509.ts";
import { ProcessStage } from "../support/process.ts";
import { within } from "../support/wait.ts";

function missing(): string | false {
  try {
    execFileSync("sh", ["-c", "command -v pebble && command -v pebble-challtestsrv"], { stdio: "ignore" });
    return false;
  } catch {
    return "pebble cannot be run here; Debian has it as a package";
  }
}

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

class Pebble implements AsyncDisposable {
  readonly #processes: ChildProcess[] = [];
  output = "";
  readonly kid = "kid-1";
  readonly macKey: string = randomBytes(32).toString("base64url");
  /** The certificate by which its own server is believed. */
  ca = "";
  directory = "";
  #management = 0;

  /** Starts it; it looks for hosts on these ports of this machine. */
  static async start(stage: ProcessStage, looks: { http: number; tls: number }): Promise<Pebble> {
    const pebble = new Pebble();
    const [listen, management, dns, dnsManagement] = await freePorts(4);
    const authority = await createAuthority("Pebble's own", 2);
    const own = await createCertificate(["127.0.0.1", "localhost"], 1, authority);
    const config = {
      pebble: {
        listenAddress: `127.0.0.1:${listen}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: stage.add("pebble.pem", own.cert),
        privateKey: stage.add("pebble.key", own.key),
        httpPort: looks.http,
        tlsPort: looks.tls,
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [pebble.kid]: pebble.macKey },
      },
    };
    pebble.ca = authority.cert;
    pebble.directory = `https://127.0.0.1:${listen}/dir`;
    pebble.#management = management!;
    const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
    const names = ["-defaultIPv4", "127.0.0.1", "-dns01", `127.0.0.1:${dns}`];
    pebble.#spawn("pebble-challtestsrv", [...off, ...names, "-management", `127.0.0.1:${dnsManagement}`]);
    const file = stage.add("pebble.json", JSON.stringify(config));
    pebble.#spawn("pebble", ["-strict", "-config", file, "-dnsserver", `127.0.0.1:${dns}`]);
    await within("pebble to listen", pebble.#says("ACME directory available"));
    return pebble;
  }

  #spawn(program: string, args: readonly string[]): void {
    const env = { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "30" };
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    this.#processes.push(child);
  }

  async #says(text: string): Promise<void> {
    while (!this.output.includes(text)) await new Promise((go) => setTimeout(go, 20));
  }

  /** The root of the certificates that it gives. */
  async root(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    get(`https://127.0.0.1:${this.#management}/roots/0`, { ca: this.ca }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes)
      if (child.exitCode === null) {
        child.kill("SIGKILL");
        await once(child, "close");
      }
  }
}

for (const challenge of ["http-01", "tls-alpn-01"])
  test(`Pebble gives a certificate by ${challenge}, with an account that it knows`, {
    skip: missing(),
  }, async () => {
    await using stage = new ProcessStage();
    const [http = 0, tls = 0] = await freePorts(2);
    await using pebble = await Pebble.start(stage, { http, tls });
    const { kid, macKey: key, ca, directory } = pebble;
    const acme = { hosts: ["shop.example", "www.shop.example"], email: "ops@shop.example", terms: true };
    const more = { directory, ca, challenge, storage: "storage", binding: { kid, key } };
    stage.write({
      workers: 2,
      listeners: [
        { name: "plain", address: `127.0.0.1:${http}`, redirectToHttps: true },
        { name: "public", address: `127.0.0.1:${tls}`, tls: { acme: { ...acme, ...more } } },
      ],
      routes: [{ name: "all", policies: [{ respond: { status: 200, body: "served" } }] }],
    });
    const { process } = await stage.run();
    await process
      .says(/acme: (obtained a certificate for shop\.example, www\.shop\.example|no certificate.*)/)
      .then(([said]) => assert.match(said, /obtained/));
    await process.says(/generation 2 serves/);
    const socket = connect({
      host: "127.0.0.1",
      port: tls,
      servername: "www.shop.example",
      ca: await pebble.root(),
    });
    await within("a handshake", once(socket, "secureConnect"));
    const { subjectaltname } = socket.getPeerCertificate();
    socket.destroy();
    assert.equal(subjectaltname, "DNS:shop.example, DNS:www.shop.example");
    assert.equal(process.output.includes(key), false);
  });
