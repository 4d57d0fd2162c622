import { nodeTls } from "../lib/node-tls.ts";

/** Cipher suites of Mozilla's "intermediate" list, TLS 1.3's first; those with finite-field groups are left out. */
export const DEFAULT_CIPHERS: readonly string[] = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** Groups for key exchange, the preferred one first. */
export const DEFAULT_CURVES: readonly string[] = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];

let ciphers: ReadonlySet<string> | undefined;

/** Whether OpenSSL knows a cipher suite: of an unknown one among others it says nothing. */
export function isCipher(name: string): boolean {
  ciphers ??= new Set(nodeTls().getCiphers());
  return ciphers.has(name.toLowerCase());
}

const curves = new Map<string, boolean>();

/** Whether OpenSSL knows a group for key exchange. */
export function isCurve(name: string): boolean {
  let known = curves.get(name);
  if (known === undefined) {
    known = /^[A-Za-z0-9_-]+$/.test(name) && takes({ ecdhCurve: name });
    curves.set(name, known);
  }
  return known;
}

function takes(options: { readonly ecdhCurve: string }): boolean {
  try {
    nodeTls().createSecureContext({ ...options, ca: [] });
    return true;
  } catch {
    return false;
  }
}
