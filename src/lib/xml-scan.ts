import { isUtf8 } from "node:buffer";
import { SaxesParser } from "saxes";

/** Bounds of an XML document; lengths in characters. */
export interface XmlLimits {
  /** Elements in each other. */
  readonly depth: number;
  readonly elements: number;
  /** Of one element, declarations of namespaces too. */
  readonly attributes: number;
  /** Declarations of namespaces on one element. */
  readonly namespaces: number;
  /** Of an element, attribute or processing instruction, with its prefix. */
  readonly nameLength: number;
  readonly attributeLength: number;
  /** Of text, a CDATA section, a comment, or a processing instruction's data. */
  readonly textLength: number;
  readonly comments: boolean;
  readonly processingInstructions: boolean;
}

/** What is wrong with an XML document. */
export type XmlFault =
  | "malformed"
  | "doctype"
  | "encoding"
  | "instruction"
  | "comment"
  | "depth"
  | "elements"
  | "attributes"
  | "namespaces"
  | "name"
  | "attribute"
  | "text";

/** A fault, and what a person should know of it. */
export class XmlProblem extends Error {
  readonly fault: XmlFault;

  constructor(fault: XmlFault, what: string) {
    super(what);
    this.fault = fault;
  }
}

/** Encodings in which every document means the same octet by octet. */
const ENCODINGS = /^(?:utf-8|us-ascii)$/i;
/** Characters that are parsed at once: what breaks a bound early is not read to its end. */
const PIECE = 16_384;

/**
 * Holds octets against XML 1.0 with namespaces and bounds; undefined where all is well. There is no document type: nothing is
 * ever declared, expanded or fetched.
 */
export function scanXml(bytes: Uint8Array, limits: XmlLimits): XmlProblem | undefined {
  if (isOfOtherEncoding(bytes) || !isUtf8(bytes)) return new XmlProblem("encoding", "it is not UTF-8");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const parser = guarded(limits);
  try {
    for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; at += PIECE)
      parser.write(text.slice(at, at + PIECE));
    parser.close();
    return undefined;
  } catch (error) {
    if (error instanceof XmlProblem) return error;
    return new XmlProblem(
      "malformed",
      error instanceof Error ? plain(error.message) : "it is not well-formed",
    );
  }
}

/** A byte order mark of UTF-16 or UTF-32, or what begins a document in one of them without (XML 1.0 Appendix F). */
function isOfOtherEncoding(bytes: Uint8Array): boolean {
  const [a, b] = bytes;
  return (a === 0xfe && b === 0xff) || (a === 0xff && b === 0xfe) || a === 0 || b === 0;
}

/** Where and what, without the client's own text: it may be long. */
function plain(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, "?").slice(0, 120);
}

/** A parser whose handlers throw an XmlProblem. */
function guarded(limits: XmlLimits): SaxesParser<{ xmlns: true }> {
  const parser = new SaxesParser({ xmlns: true, position: false });
  let depth = 0;
  let elements = 0;
  let attributes = 0;
  let namespaces = 0;
  const bound = (fault: XmlFault, value: number, max: number, what: string): void => {
    if (value > max) throw new XmlProblem(fault, `more than ${max} ${what}`);
  };
  const text = (data: string): void => bound("text", data.length, limits.textLength, "characters of text");
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("doctype", () => {
    throw new XmlProblem("doctype", "a document type is declared");
  });
  parser.on("xmldecl", ({ encoding, version }) => {
    if (encoding !== undefined && !ENCODINGS.test(encoding))
      throw new XmlProblem("encoding", "it says that it is not UTF-8");
    if (version !== undefined && version !== "1.0") throw new XmlProblem("malformed", "it is not XML 1.0");
  });
  parser.on("processinginstruction", ({ target, body }) => {
    if (!limits.processingInstructions)
      throw new XmlProblem("instruction", "it has a processing instruction");
    bound("name", target.length, limits.nameLength, "characters of a name");
    text(body);
  });
  parser.on("comment", (data) => {
    if (!limits.comments) throw new XmlProblem("comment", "it has a comment");
    text(data);
  });
  parser.on("opentagstart", ({ name }) => {
    attributes = 0;
    namespaces = 0;
    bound("depth", ++depth, limits.depth, "levels");
    bound("elements", ++elements, limits.elements, "elements");
    bound("name", name.length, limits.nameLength, "characters of a name");
  });
  parser.on("attribute", ({ name, value }) => {
    bound("attributes", ++attributes, limits.attributes, "attributes of one element");
    bound("name", name.length, limits.nameLength, "characters of a name");
    bound("attribute", value.length, limits.attributeLength, "characters of an attribute");
    if (name === "xmlns" || name.startsWith("xmlns:"))
      bound("namespaces", ++namespaces, limits.namespaces, "namespaces of one element");
  });
  parser.on("closetag", () => void depth--);
  parser.on("text", text);
  parser.on("cdata", text);
  return parser;
}
