/** One block of a PEM text (RFC 7468): what stands between BEGIN and END, with these lines. */
export interface PemBlock {
  /** "CERTIFICATE", "PRIVATE KEY", "X509 CRL" and the like. */
  readonly label: string;
  readonly text: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** The blocks of a text in their order; what stands around them is explanation. */
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map(([whole, label = ""]) => ({ label, text: `${whole}\n` }));
}

/** Whether a value is PEM text itself and not the name of a file. */
export function isPemText(value: string): boolean {
  return value.includes("-----BEGIN ");
}
