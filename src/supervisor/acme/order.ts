import { createPrivateKey, hash, X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Authorization, Client, Order } from "acme-client";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { accountClient } from "./account.ts";
import type { AcmeStorage } from "./storage.ts";

type Challenge = Authorization["challenges"][number];

/** For so long a CA may check, or make a certificate, in milliseconds. */
const PATIENCE = 180_000;
/** Between two questions how far it is, in milliseconds: at first, and at most. */
const FIRST_POLL = 250;
const LAST_POLL = 5_000;

/** Orders a certificate (RFC 8555 §7.4); gives it with its chain and its new key as one PEM text. Throws an Error. */
export async function orderCertificate(
  acme: AcmeConfig,
  storage: AcmeStorage,
  signal: AbortSignal,
): Promise<string> {
  const { createRequest } = await import("../../lib/x509.ts");
  const client = await accountClient(acme, storage);
  const order = await client.createOrder({
    identifiers: acme.hosts.map((value) => ({ type: "dns", value })),
  });
  const endings: (() => Promise<void>)[] = [];
  try {
    const open = (await client.getAuthorizations(order)).filter(({ status }) => status !== "valid");
    for (const authorization of open) await prove(client, authorization, acme, storage, endings);
    if (open.length > 0) await allChecked(client, order, acme, signal);
    const { csr, key } = await createRequest(acme.hosts);
    const made = await certificateMade(client, await client.finalizeOrder(order, csr), order.url, signal);
    const chain = await client.getCertificate(made);
    const problem = problemOf(chain, key, acme.hosts);
    if (problem !== undefined) throw new Error(`the CA gave a certificate that ${problem}`);
    return `${key.trimEnd()}\n${chain.trimEnd()}\n`;
  } finally {
    await Promise.allSettled(endings.map((end) => end()));
  }
}

/** Has a challenge answered, then tells the CA to look. */
async function prove(
  client: Client,
  { identifier: { value: host }, challenges }: Authorization,
  acme: AcmeConfig,
  storage: AcmeStorage,
  endings: (() => Promise<void>)[],
): Promise<void> {
  const challenge = challenges.find(({ type }) => type === acme.challenge);
  if (challenge === undefined) {
    const offered = challenges.map(({ type }) => type).join(", ");
    throw new Error(`the CA does not take ${acme.challenge} for ${host}; it offers ${offered}`);
  }
  endings.push(await answerTo(client, challenge, host, storage));
  await client.completeChallenge(challenge);
}

async function answerTo(
  client: Client,
  challenge: Challenge,
  host: string,
  storage: AcmeStorage,
): Promise<() => Promise<void>> {
  // The text to be shown is the same for both; the library would give a hash of it for some.
  const text = await client.getChallengeKeyAuthorization({ ...challenge, type: "http-01" } as Challenge);
  if (challenge.type === "http-01") return storage.answer({ token: challenge.token, text });
  const { createAlpnCertificate } = await import("../../lib/x509.ts");
  const { cert, key } = await createAlpnCertificate(host, hash("sha256", text, "buffer"));
  return storage.answer({ host, pem: key + cert });
}

/** Waits until the CA has checked all hosts. */
function allChecked(client: Client, order: Order, acme: AcmeConfig, signal: AbortSignal): Promise<true> {
  return poll(`check ${acme.hosts.join(", ")}`, signal, async () => {
    const all = await client.getAuthorizations(order);
    const refused = all.find(({ status }) => status !== "pending" && status !== "valid");
    if (refused !== undefined)
      throw new Error(
        `the CA could not check ${refused.identifier.value} by ${acme.challenge}: ${whyNot(refused)}`,
      );
    return all.every(({ status }) => status === "valid") ? true : undefined;
  });
}

function whyNot({ challenges, status }: Authorization): string {
  for (const { error } of challenges) {
    const detail = (error as { readonly detail?: unknown } | undefined)?.detail;
    if (typeof detail === "string") return detail;
  }
  return `it is ${status}`;
}

/** Waits until the CA has made the certificate. */
function certificateMade(client: Client, first: Order, url: string, signal: AbortSignal): Promise<Order> {
  let order: Order = { ...first, url };
  return poll("make the certificate", signal, async () => {
    if (order.status === "valid") return order;
    if (order.status === "invalid") throw new Error("the CA gave the order up");
    order = { ...(await client.getOrder(order)), url };
    return order.status === "valid" ? order : undefined;
  });
}

async function poll<T>(what: string, signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (let wait = FIRST_POLL; ; wait = Math.min(LAST_POLL, wait * 2)) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`the CA did not ${what} within ${PATIENCE / 1_000} s`);
    await sleep(wait, undefined, { signal, ref: false });
  }
}

function problemOf(chain: string, key: string, hosts: readonly string[]): string | undefined {
  const certificate = new X509Certificate(chain);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) return "is not for the key that was sent";
  const missing = hosts.find((host) => certificate.checkHost(host) === undefined);
  return missing === undefined ? undefined : `does not name ${missing}`;
}
