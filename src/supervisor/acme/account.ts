import { generateKeyPairSync } from "node:crypto";
import type { Client } from "acme-client";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { trustCa } from "./ask-ca.ts";
import type { AcmeAccount, AcmeStorage } from "./storage.ts";
import { acmeClient } from "./wire.ts";

/** A client that the CA knows: by the account in the storage, or by a new one that is kept there (RFC 8555 §7.3). */
export async function accountClient(acme: AcmeConfig, storage: AcmeStorage): Promise<Client> {
  trustCa(acme.directory, acme.ca);
  const there = await storage.readAccount();
  if (there !== undefined) return withAccount(acme, there);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const { binding, email, directory } = acme;
  const external =
    binding === undefined ? {} : { externalAccountBinding: { kid: binding.kid, hmacKey: binding.key } };
  const client = await acmeClient({ directoryUrl: directory, accountKey: key, ...external });
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
  });
  const mine = { key, url: client.getAccountUrl() };
  const kept = await storage.keepAccount(mine);
  return kept === mine ? client : withAccount(acme, kept);
}

function withAccount({ directory }: AcmeConfig, { key, url }: AcmeAccount): Promise<Client> {
  return acmeClient({ directoryUrl: directory, accountKey: key, accountUrl: url });
}

/** Whether the CA does not know the account any more: another is to be made. */
export function isAccountGone(error: unknown): boolean {
  const reason = String((error as Error | undefined)?.message ?? error);
  return /accountDoesNotExist|account\b.*\b(?:not found|not exist|unknown|deactivated|revoked)/i.test(reason);
}
