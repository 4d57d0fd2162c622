import type { ReadonlyFields } from "../lib/fields.ts";
import { dictionaryOf, type Item, innerListText, isInnerList, octetsOf } from "./structured-fields.ts";

/** One signature of a message as its fields say it (RFC 9421 §4). */
export interface MessageSignature {
  readonly label: string;
  readonly components: readonly Item[];
  /** The list with its parameters, as it is signed. */
  readonly text: string;
  readonly signature: Uint8Array;
  /** Seconds since 1970. */
  readonly created: number | undefined;
  readonly expires: number | undefined;
  readonly nonce: string | undefined;
  readonly algorithm: string | undefined;
  readonly keyId: string | undefined;
  readonly tag: string | undefined;
}

/** More than any chain of proxies makes. */
const SIGNATURES_MAX = 16;
/** More than anybody covers. */
const COMPONENTS_MAX = 100;

/**
 * The signatures of a message. Undefined where it has none; "malformed" where the two fields cannot be read, do not fit each
 * other, or hold more than anybody needs.
 */
export function messageSignatures(
  fields: ReadonlyFields,
): readonly MessageSignature[] | "malformed" | undefined {
  const inputs = fields.get("signature-input");
  const values = fields.get("signature");
  if (inputs === undefined && values === undefined) return undefined;
  const said = inputs === undefined ? undefined : dictionaryOf(inputs);
  const made = values === undefined ? undefined : dictionaryOf(values);
  if (said === undefined || made === undefined || said.size > SIGNATURES_MAX) return "malformed";
  const signatures: MessageSignature[] = [];
  for (const [label, list] of said) {
    const signature = octetsOf(made.get(label));
    if (!isInnerList(list) || signature === undefined || list[0].length > COMPONENTS_MAX) return "malformed";
    const read = parametersOf(list[1]);
    if (read === undefined || list[0].some(([name]) => typeof name !== "string")) return "malformed";
    signatures.push({ label, components: list[0], text: innerListText(list), signature, ...read });
  }
  return signatures.length === 0 ? "malformed" : signatures;
}

type Parameters = Omit<MessageSignature, "label" | "components" | "text" | "signature">;

/** Undefined where one is of another kind than it must be (RFC 9421 §2.3). Those that are not known are signed and mean nothing. */
function parametersOf(parameters: Item[1]): Parameters | undefined {
  const text = (name: string): string | undefined | null => {
    const value = parameters.get(name);
    return value === undefined || typeof value === "string" ? value : null;
  };
  const time = (name: string): number | undefined | null => {
    const value = parameters.get(name);
    return value === undefined || Number.isInteger(value) ? (value as number | undefined) : null;
  };
  const [created, expires] = [time("created"), time("expires")];
  const [nonce, algorithm, keyId, tag] = [text("nonce"), text("alg"), text("keyid"), text("tag")];
  if (created === null || expires === null) return undefined;
  if (nonce === null || algorithm === null || keyId === null || tag === null) return undefined;
  return { created, expires, nonce, algorithm, keyId, tag };
}
