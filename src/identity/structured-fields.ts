import {
  type Dictionary,
  type InnerList,
  type Item,
  parseDictionary,
  parseItem,
  parseList,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
} from "structured-headers";

export type { Dictionary, InnerList, Item };

/** What a structured field is (RFC 9651 §3). */
export type StructuredKind = "dictionary" | "list" | "item";

/** A dictionary (RFC 9651 §3.2); undefined for text that is none. */
export function dictionaryOf(text: string): Dictionary | undefined {
  return attempted(() => parseDictionary(text));
}

/** An item with its parameters (RFC 9651 §3.3); undefined for text that is none. */
export function itemOf(text: string): Item | undefined {
  return attempted(() => parseItem(text));
}

/** Whether a member of a dictionary is a list in parentheses. */
export function isInnerList(member: Item | InnerList): member is InnerList {
  return Array.isArray(member[0]);
}

/** The octets of a byte sequence; undefined for items of other kinds. */
export function octetsOf(member: Item | InnerList | undefined): Buffer | undefined {
  const value = member?.[0];
  return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

/** The one spelling of an item with its parameters (RFC 9651 §4.1.3). */
export function itemText(item: Item): string {
  return serializeItem(item);
}

/** The one spelling of a list in parentheses with its parameters (RFC 9651 §4.1.1.1). */
export function innerListText(list: InnerList): string {
  return serializeInnerList(list);
}

/** The one spelling of an item or a list in parentheses. */
export function memberText(member: Item | InnerList): string {
  return isInnerList(member) ? serializeInnerList(member) : serializeItem(member);
}

/** The one spelling of a structured field (RFC 9651 §4.1); undefined for text that is none of its kind. */
export function strictText(kind: StructuredKind, text: string): string | undefined {
  return attempted(() => {
    if (kind === "dictionary") return serializeDictionary(parseDictionary(text));
    return kind === "list" ? serializeList(parseList(text)) : serializeItem(parseItem(text));
  });
}

function attempted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
