import type { ConsumerTableBuilder, NewCredential, WrittenAt } from "../lib/consumer-table-builder.ts";
import type { CertificateConditionConfig, ConsumerConfig, LifeConfig } from "./consumer-schema.ts";

/** Puts a consumer with its credentials into a table. */
export function addConsumer(builder: ConsumerTableBuilder, consumer: ConsumerConfig, at: WrittenAt): void {
  builder.add(consumer.name, aboutOf(consumer), credentialsOf(consumer), at);
}

function aboutOf({ groups, tags, metadata, permissions }: ConsumerConfig): string {
  if (groups === undefined && tags === undefined && metadata === undefined && permissions === undefined)
    return "";
  return JSON.stringify({ groups, tags, metadata, permissions });
}

function credentialsOf(consumer: ConsumerConfig): NewCredential[] {
  const { name, keys, basic, hmac, signatures, subjects, certificates } = consumer;
  const made: NewCredential[] = [];
  const add = (
    kind: NewCredential["kind"],
    by: string,
    id: string,
    life: LifeConfig,
    proof: string,
  ): void => {
    const { notBefore = Number.NEGATIVE_INFINITY, expires = Number.POSITIVE_INFINITY } = life;
    made.push({ kind, by, id, notBefore, expires, proof });
  };
  for (const [i, one] of (keys ?? []).entries())
    add("key", one.hash, one.id ?? `${name}/key/${i + 1}`, one, "");
  for (const one of basic ?? []) add("basic", one.username, one.username, one, one.hash);
  for (const one of hmac ?? []) add("hmac", one.id, one.id, one, one.secret);
  for (const one of signatures ?? []) add("signature", one.id, one.id, one, one.publicKey);
  for (const [i, { issuer, subject }] of (subjects ?? []).entries())
    add("subject", `${issuer}\0${subject}`, `${name}/subject/${i + 1}`, {}, "");
  for (const [i, one] of (certificates ?? []).entries())
    add("certificate", certificateKey(one), `${name}/certificate/${i + 1}`, one, "");
  return made;
}

function certificateKey({ fingerprint, san, subject }: CertificateConditionConfig): string {
  if (fingerprint !== undefined) return `sha256:${fingerprint}`;
  return san !== undefined ? `san:${san}` : `subject:${subject}`;
}
