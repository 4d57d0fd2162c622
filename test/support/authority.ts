/** A CA for one test, and what services and pins are made of with it. */
import { createHash, X509Certificate } from "node:crypto";
import type { TestContext } from "node:test";
import { type Made, TestAuthority } from "./certificates.ts";

/** A CA that goes with the test. */
export function authority(t: TestContext): TestAuthority {
  const made = new TestAuthority();
  t.after(() => made[Symbol.dispose]());
  return made;
}

/** A certificate and its key as node:tls takes them. */
export function shown({ certText: cert, keyText: key }: Made): { cert: string; key: string } {
  return { cert, key };
}

/** A certificate and its key as a config names them. */
export function filesOf({ cert, key }: Made): { cert: string; key: string } {
  return { cert, key };
}

/** The pin of a certificate's key: sha256/… of its SPKI. */
export function pinOf({ certText }: Made): string {
  const spki = new X509Certificate(certText).publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
}
