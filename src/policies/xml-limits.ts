import { z } from "zod";
import { HeldBody } from "../lib/body.ts";
import type { ReadonlyFields } from "../lib/fields.ts";
import { parseMediaType } from "../lib/media-type.ts";
import { scanXml, type XmlFault, type XmlLimits } from "../lib/xml-scan.ts";
import { holdRequest } from "../pipeline/body-plan.ts";
import { checkedBodyOptions, checkedTypes, isEncoded, typesOption } from "../pipeline/checked-types.ts";
import { definePolicy, type PolicyDefinition, type Verdict } from "../pipeline/policy.ts";

const CODES: Readonly<Record<XmlFault, string>> = {
  malformed: "xml_malformed",
  doctype: "xml_doctype",
  encoding: "xml_encoding",
  instruction: "xml_instruction",
  comment: "xml_comment",
  depth: "xml_too_deep",
  elements: "xml_too_many_elements",
  attributes: "xml_too_many_attributes",
  namespaces: "xml_too_many_namespaces",
  name: "xml_name_too_long",
  attribute: "xml_attribute_too_long",
  text: "xml_text_too_long",
};

const refused = (title: string, status = 400) => ({ status, source: "downstream" as const, title });
const bound = (usual: number, text: string) =>
  z.int().min(0).default(usual).describe(`${text} (default ${usual}).`);
const allowed = (usual: "allow" | "refuse", text: string) =>
  z.enum(["refuse", "allow"]).default(usual).describe(`${text} (default ${usual}).`);

/** Bounds the structure of XML in requests, and refuses document types, so that no entity is ever expanded or fetched behind it. */
export const xmlLimits: PolicyDefinition = definePolicy({
  name: "xml-limits",
  phase: "request",
  options: z.strictObject({
    // A prefix is looked for in all elements around it: the time grows with depth times elements.
    depth: z
      .int()
      .min(0)
      .max(256)
      .default(32)
      .describe("Elements in each other at most (default 32; at most 256)."),
    elements: bound(10_000, "Elements in all at most"),
    attributes: bound(64, "Attributes of one element at most, declarations of namespaces too"),
    namespaces: bound(16, "Declarations of namespaces on one element at most"),
    nameLength: bound(256, "Characters of a name at most, with its prefix"),
    attributeLength: bound(8_192, "Characters of an attribute at most"),
    textLength: bound(65_536, "Characters of a text, a CDATA section or a comment at most"),
    comments: allowed("allow", "What becomes of comments"),
    processingInstructions: allowed("refuse", "What becomes of processing instructions"),
    types: typesOption
      .default(["application/xml", "text/xml", "application/*+xml"])
      .describe(
        "Media types of the bodies that are checked (default: application/xml, text/xml, application/*+xml, so SOAP as well).",
      ),
    ...checkedBodyOptions,
  }),
  reasons: {
    xml_malformed: refused("The request's body is not well-formed XML 1.0 with namespaces."),
    xml_doctype: refused("The request's XML declares a document type."),
    xml_encoding: refused("The request's XML is not UTF-8.", 415),
    xml_instruction: refused("The request's XML has a processing instruction."),
    xml_comment: refused("The request's XML has a comment."),
    xml_too_deep: refused("The request's XML is nested too deeply."),
    xml_too_many_elements: refused("The request's XML has too many elements."),
    xml_too_many_attributes: refused("An element of the request's XML has too many attributes."),
    xml_too_many_namespaces: refused("An element of the request's XML declares too many namespaces."),
    xml_name_too_long: refused("A name in the request's XML is too long."),
    xml_attribute_too_long: refused("An attribute in the request's XML is too long."),
    xml_text_too_long: refused("A text in the request's XML is too long."),
    xml_encoded: refused("The request's XML is compressed, so that it cannot be checked.", 415),
  },
  compile({ types, strict, max, comments, processingInstructions, ...bounds }) {
    const limits: XmlLimits = {
      ...bounds,
      comments: comments === "allow",
      processingInstructions: processingInstructions === "allow",
    };
    const isChecked = checkedTypes(types, strict);
    const hold = holdRequest(max);
    return {
      withBody(x) {
        const { body, fields } = x.outgoing;
        if (body === undefined || body.length === 0 || !isChecked(fields)) return undefined;
        if (isOfOtherCharset(fields)) return x.reject("xml_encoding", "Content-Type names another charset");
        if (isEncoded(fields)) {
          const reply = x.reject("xml_encoded");
          reply.fields.set("accept-encoding", "identity");
          return reply;
        }
        const check = (failed: Verdict): Verdict => {
          const held = x.outgoing.body;
          if (failed !== undefined || !(held instanceof HeldBody) || held.length === 0) return failed;
          const problem = scanXml(held.bytes(), limits);
          return problem && x.reject(CODES[problem.fault], problem.message);
        };
        const held = hold(x);
        return held instanceof Promise ? held.then(check) : check(held);
      },
    };
  },
});

/** A charset in Content-Type goes before what the document says of itself (RFC 7303 §3.2). */
function isOfOtherCharset(fields: ReadonlyFields): boolean {
  const said = fields.all("content-type");
  return said.some((one) => {
    const charset = parseMediaType(one)?.parameters.get("charset");
    return charset !== undefined && !/^(?:utf-8|us-ascii)$/i.test(charset);
  });
}
