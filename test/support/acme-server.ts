/** A CA that speaks ACME (RFC 8555) over https, and checks what it is shown over real http and TLS connections. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  verify,
  type webcrypto,
} from "node:crypto";
import { once } from "node:events";
import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, isIP } from "node:net";
import { connect } from "node:tls";
import * as x509 from "@peculiar/x509";
import { createAuthority, createCertificate, type KeyedCertificate } from "../../src/lib/x509.ts";

/** Where the CA looks, on this machine, in place of ports 80 and 443 of the hosts. */
interface CheckedPorts {
  readonly http?: number;
  readonly tls?: number;
}

interface Authorization {
  readonly id: string;
  readonly host: string;
  readonly token: string;
  status: "pending" | "valid" | "invalid";
  error: string | undefined;
}

interface Order {
  readonly id: string;
  readonly authorizations: readonly Authorization[];
  status: "pending" | "ready" | "valid" | "invalid";
  chain: string | undefined;
}

interface Asked {
  readonly url: string;
  readonly payload: Record<string, unknown>;
  readonly jwk: webcrypto.JsonWebKey;
  readonly kid: string | undefined;
}

class AcmeProblem extends Error {
  readonly status: number;
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;

  constructor(status: number, type: string, detail: string, fields: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.type = type;
    this.fields = fields;
  }
}

export class AcmeServer implements AsyncDisposable {
  /** Days for which its certificates are valid. */
  days = 90;
  /** So many orders to come are refused, with this Retry-After. */
  refuse: { orders: number; retryAfter: string } = { orders: 0, retryAfter: "1" };
  /** What it was asked: method and path. */
  readonly asked: string[] = [];
  /** Certificates that it has given. */
  issued = 0;
  /** Newly made accounts. */
  get accounts(): number {
    return this.#accounts.size;
  }
  readonly #authority: KeyedCertificate;
  readonly #server: Server;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, webcrypto.JsonWebKey>();
  readonly #orders = new Map<string, Order>();
  readonly #authorizations = new Map<string, Authorization>();
  #spoiltNonces = 1;
  #ports = Promise.withResolvers<CheckedPorts>();

  constructor(authority: KeyedCertificate, own: KeyedCertificate) {
    this.#authority = authority;
    this.#server = createServer(own, (incoming, response) => void this.#answer(incoming, response));
  }

  static async start(): Promise<AcmeServer> {
    const authority = await createAuthority("Test CA", 30);
    const server = new AcmeServer(authority, await createCertificate(["127.0.0.1"], 10, authority));
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** The CA's certificate, by which its server and what it issues are believed. */
  get ca(): string {
    return this.#authority.cert;
  }

  get directory(): string {
    return `${this.#base}/directory`;
  }

  get #base(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Says where hosts are to be looked for; until then every check waits. */
  look(ports: CheckedPorts): void {
    this.#ports.resolve(ports);
    this.#ports = Promise.withResolvers();
    this.#ports.resolve(ports);
  }

  /** Forgets all accounts. */
  forget(): void {
    this.#accounts.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${incoming.method} ${incoming.url}`);
    const nonce = randomBytes(12).toString("base64url");
    this.#nonces.add(nonce);
    response.setHeader("replay-nonce", nonce);
    response.setHeader("cache-control", "no-store");
    try {
      await this.#serve(incoming, response);
    } catch (error) {
      const known = error instanceof AcmeProblem;
      const [status, type] = known ? [error.status, error.type] : [500, "serverInternal"];
      for (const [name, value] of Object.entries(known ? error.fields : {})) response.setHeader(name, value);
      const problem = { type: `urn:ietf:params:acme:error:${type}`, detail: (error as Error).message };
      response.writeHead(status, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(problem));
    }
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? "";
    if (path === "/directory") {
      const at = (name: string): string => `${this.#base}/${name}`;
      const directory = { newNonce: at("nonce"), newAccount: at("account"), newOrder: at("order") };
      json(response, 200, { ...directory, revokeCert: at("revoke"), keyChange: at("key") });
      return;
    }
    if (path === "/nonce") {
      response.writeHead(incoming.method === "HEAD" ? 200 : 204).end();
      return;
    }
    const asked = await this.#verified(incoming);
    const [, kind = "", id = ""] = path.split("/");
    if (path === "/account") this.#account(asked, response);
    else if (path === "/order") this.#newOrder(asked, response);
    else if (kind === "order") json(response, 200, this.#orderBody(this.#order(id)));
    else if (kind === "authz") json(response, 200, this.#authorizationBody(this.#authorization(id)));
    else if (kind === "challenge") await this.#challenge(asked, id, path, response);
    else if (kind === "finalize") await this.#finalize(asked, id, response);
    else if (kind === "cert")
      response
        .writeHead(200, { "content-type": "application/pem-certificate-chain" })
        .end(this.#order(id).chain);
    else throw new AcmeProblem(404, "malformed", "there is nothing");
  }

  /** Checks signature, nonce and URL of a request (RFC 8555 §6). */
  async #verified(incoming: IncomingMessage): Promise<Asked> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<
      "protected" | "payload" | "signature",
      string
    >;
    const head = JSON.parse(Buffer.from(body.protected, "base64url").toString()) as {
      alg: string;
      nonce: string;
      url: string;
      jwk?: webcrypto.JsonWebKey;
      kid?: string;
    };
    if (!this.#nonces.delete(head.nonce) || this.#spoiltNonces-- > 0)
      throw new AcmeProblem(400, "badNonce", "that nonce is not one of mine");
    if (head.url !== `${this.#base}${incoming.url}`)
      throw new AcmeProblem(401, "unauthorized", `the request is signed for ${head.url}`);
    const jwk = head.jwk ?? this.#accounts.get(head.kid ?? "");
    if (jwk === undefined) throw new AcmeProblem(400, "accountDoesNotExist", "the account does not exist");
    const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
    const signed = Buffer.from(`${body.protected}.${body.payload}`);
    if (head.alg !== "ES256" || !verify("sha256", signed, key, Buffer.from(body.signature, "base64url")))
      throw new AcmeProblem(403, "malformed", "the signature is wrong");
    const payload = body.payload === "" ? {} : JSON.parse(Buffer.from(body.payload, "base64url").toString());
    return { url: head.url, payload, jwk, kid: head.kid };
  }

  #account({ jwk, payload }: Asked, response: ServerResponse): void {
    if (payload["termsOfServiceAgreed"] !== true)
      throw new AcmeProblem(403, "userActionRequired", "the terms of service are not agreed to");
    const url = `${this.#base}/account/${thumbprint(jwk)}`;
    this.#accounts.set(url, jwk);
    response.setHeader("location", url);
    json(response, 201, { status: "valid", contact: payload["contact"] });
  }

  #newOrder({ payload }: Asked, response: ServerResponse): void {
    if (this.refuse.orders-- > 0)
      throw new AcmeProblem(429, "rateLimited", "too many orders", { "retry-after": this.refuse.retryAfter });
    const identifiers = payload["identifiers"] as { value: string }[];
    const authorizations = identifiers.map(({ value }): Authorization => {
      const token = randomBytes(32).toString("base64url");
      return { id: newId(), host: value, token, status: "pending", error: undefined };
    });
    for (const one of authorizations) this.#authorizations.set(one.id, one);
    const order: Order = { id: newId(), authorizations, status: "pending", chain: undefined };
    this.#orders.set(order.id, order);
    response.setHeader("location", `${this.#base}/order/${order.id}`);
    json(response, 201, this.#orderBody(order));
  }

  #orderBody({ id, status, authorizations, chain }: Order): object {
    return {
      status,
      identifiers: authorizations.map(({ host }) => ({ type: "dns", value: host })),
      authorizations: authorizations.map((one) => `${this.#base}/authz/${one.id}`),
      finalize: `${this.#base}/finalize/${id}`,
      ...(chain === undefined ? {} : { certificate: `${this.#base}/cert/${id}` }),
    };
  }

  #authorizationBody({ id, host, status, token, error }: Authorization): object {
    const challenges = ["http-01", "tls-alpn-01", "dns-01"].map((type) => ({
      type,
      status,
      token,
      url: `${this.#base}/challenge/${id}/${type}`,
      ...(error === undefined
        ? {}
        : { error: { type: "urn:ietf:params:acme:error:unauthorized", detail: error } }),
    }));
    return { identifier: { type: "dns", value: host }, status, challenges };
  }

  async #challenge({ jwk, url }: Asked, id: string, path: string, response: ServerResponse): Promise<void> {
    const authorization = this.#authorization(id);
    const kind = path.split("/")[3];
    json(response, 200, { type: kind, url, status: "processing", token: authorization.token });
    const expected = `${authorization.token}.${thumbprint(jwk)}`;
    const look = kind === "http-01" ? lookByHttp : lookByAlpn;
    const ports = await this.#ports.promise;
    const port = (kind === "http-01" ? ports.http : ports.tls) ?? 0;
    authorization.error = await look(port, authorization, expected).catch((error: Error) => error.message);
    authorization.status = authorization.error === undefined ? "valid" : "invalid";
    for (const order of this.#orders.values())
      if (order.status === "pending" && order.authorizations.every(({ status }) => status === "valid"))
        order.status = "ready";
  }

  async #finalize({ payload }: Asked, id: string, response: ServerResponse): Promise<void> {
    const order = this.#order(id);
    if (order.status !== "ready") throw new AcmeProblem(403, "orderNotReady", `the order is ${order.status}`);
    const csr = new x509.Pkcs10CertificateRequest(Buffer.from(String(payload["csr"]), "base64url"));
    if (!(await csr.verify())) throw new AcmeProblem(400, "badCSR", "the request is not signed by its key");
    order.chain = await this.#issue(
      csr.publicKey,
      order.authorizations.map(({ host }) => host),
    );
    order.status = "valid";
    this.issued++;
    json(response, 200, this.#orderBody(order));
  }

  async #issue(publicKey: x509.PublicKey, hosts: readonly string[]): Promise<string> {
    const issuer = new x509.X509Certificate(this.#authority.cert);
    const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
    const cert = await x509.X509CertificateGenerator.create({
      serialNumber: `40${randomBytes(15).toString("hex")}`,
      subject: [{ CN: [hosts[0]!] }],
      issuer: issuer.subject,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + this.days * 86_400_000),
      publicKey,
      signingKey: createPrivateKey(this.#authority.key).toCryptoKey(ecdsa, false, ["sign"]) as CryptoKey,
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
        ),
      ],
    });
    return `${cert.toString("pem")}\n${this.#authority.cert}`;
  }

  #order(id: string): Order {
    const order = this.#orders.get(id);
    if (order === undefined) throw new AcmeProblem(404, "malformed", "there is no such order");
    return order;
  }

  #authorization(id: string): Authorization {
    const authorization = this.#authorizations.get(id);
    if (authorization === undefined)
      throw new AcmeProblem(404, "malformed", "there is no such authorization");
    return authorization;
  }
}

/** HTTP-01 (RFC 8555 §8.3); gives what is wrong. */
async function lookByHttp(
  port: number,
  { host, token }: Authorization,
  expected: string,
): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const path = `/.well-known/acme-challenge/${token}`;
  ask({ host: "127.0.0.1", port, path, headers: { host, connection: "close" } }, resolve)
    .on("error", reject)
    .end();
  const answer = await promise;
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  if (answer.statusCode !== 200) return `${host} answered ${answer.statusCode}`;
  return text.trimEnd() === expected ? undefined : `${host} answered something else`;
}

/** TLS-ALPN-01 (RFC 8737 §3); gives what is wrong. */
async function lookByAlpn(
  port: number,
  { host }: Authorization,
  expected: string,
): Promise<string | undefined> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: host,
    ALPNProtocols: ["acme-tls/1"],
    rejectUnauthorized: false,
  });
  try {
    await once(socket, "secureConnect");
    if (socket.alpnProtocol !== "acme-tls/1") return `${host} does not speak acme-tls/1`;
    const certificate = socket.getPeerX509Certificate();
    if (certificate?.subjectAltName !== `DNS:${host}`) return `${host} shows ${certificate?.subjectAltName}`;
    const digest = createHash("sha256").update(expected).digest();
    // id-pe-acmeIdentifier, critical, an octet string in an octet string
    const extension = Buffer.from("06082b0601050507011f0101ff04220420", "hex");
    return certificate.raw.includes(Buffer.concat([extension, digest]))
      ? undefined
      : `${host} shows a certificate without the right acmeIdentifier`;
  } finally {
    socket.destroy();
  }
}

/** RFC 7638. */
function thumbprint({ crv, kty, x, y }: webcrypto.JsonWebKey): string {
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

function newId(): string {
  return randomBytes(6).toString("hex");
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
