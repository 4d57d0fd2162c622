import { X509Certificate } from "node:crypto";
import { readAcmeCertificate } from "./acme-files.ts";
import type { AcmeConfig } from "./acme-schema.ts";
import { checkTime, PemProblem, readCertificates, readPrivateKey } from "./check-certificate.ts";
import { plainSerial } from "./ocsp.ts";
import type { CertificateConfig } from "./tls-schema.ts";

/**
 * The certificate that a CA has given by ACME; undefined while there is none that can be shown: it is ordered then, which is
 * no problem of the config.
 * @param acme with its storage as an absolute path
 * @param now milliseconds since 1970
 */
export function obtainedCertificate(acme: AcmeConfig, now: number): CertificateConfig | undefined {
  const there = readAcmeCertificate(acme);
  if (there === undefined) return undefined;
  const chain = readCertificates(there.cert);
  const key = readPrivateKey(there.key);
  if (chain instanceof PemProblem || key instanceof PemProblem) return undefined;
  const leaf = chain[0]!;
  if (checkTime(leaf, now) !== undefined || !leaf.checkPrivateKey(key)) return undefined;
  return listed(there, acme.hosts, `acme ${acme.hosts[0]}`);
}

/** A certificate of the gateway's own as it stands in a listener's list; `label` names it in logs and metrics. */
export function listed(
  { cert, key }: { readonly cert: string; readonly key: string },
  hosts: readonly string[],
  label: string,
): CertificateConfig {
  const { serialNumber, validToDate, publicKey } = new X509Certificate(cert);
  const about = {
    keyType: publicKey.asymmetricKeyType ?? "",
    serial: plainSerial(serialNumber),
    label,
    notAfter: validToDate.getTime(),
    ocspUntil: undefined,
  };
  return { cert, key, hosts, about };
}
