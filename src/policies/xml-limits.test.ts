import assert from "node:assert/strict";
import { describePolicy, type PolicyRun, type TestRequest } from "../testing/index.ts";
import { xmlLimits } from "./xml-limits.ts";

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  sent.length,
];

function post(body: TestRequest["body"], type = "application/xml", more = {}): TestRequest {
  return { method: "POST", body: body!, fields: { ...(type !== "" && { "content-type": type }), ...more } };
}

const SOAP =
  '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>a &lt; b</s:Body></s:Envelope>';
const BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>';

const refusals: readonly (readonly [
  title: string,
  request: TestRequest,
  reason: string,
  options?: object,
])[] = [
  ["what is no XML", post("<a>"), "xml_malformed"],
  ["what is no XML in pieces", post(["<a>", "</b>"]), "xml_malformed"],
  ["a suffix", post("<a>", "application/atom+xml"), "xml_malformed"],
  ["no type where that is checked", post("<a>", ""), "xml_malformed", { strict: true }],
  ["two types", post("<a>", "text/plain, text/xml"), "xml_malformed"],
  ["entities", post(BOMB), "xml_doctype"],
  ["entities of SOAP", post(BOMB, "application/soap+xml; charset=utf-8"), "xml_doctype"],
  ["processing instructions", post("<?php 1?><a/>"), "xml_instruction"],
  ["comments, where they are", post("<a><!-- --></a>"), "xml_comment", { comments: "refuse" }],
  ["depth", post("<a><b/></a>"), "xml_too_deep", { depth: 1 }],
  ["elements", post("<a><b/></a>"), "xml_too_many_elements", { elements: 1 }],
  ["attributes", post('<a b="1" c="2"/>'), "xml_too_many_attributes", { attributes: 1 }],
  ["namespaces", post('<a xmlns="u" xmlns:b="v"/>'), "xml_too_many_namespaces", { namespaces: 1 }],
  ["a long name", post("<ab/>"), "xml_name_too_long", { nameLength: 1 }],
  ["a long attribute", post('<a b="12"/>'), "xml_attribute_too_long", { attributeLength: 1 }],
  ["a long text", post("<a>12</a>"), "xml_text_too_long", { textLength: 1 }],
];

describePolicy(xmlLimits, {
  refused: [
    { options: { elements: -1 }, message: /elements/ },
    { options: { depth: 257 }, message: /depth/ },
    { options: { types: ["xml"] }, message: /not a media type/ },
  ],
  steps: [
    ...(
      [
        ["SOAP", post(SOAP, "application/soap+xml; charset=utf-8")],
        ["SOAP in pieces", post([SOAP.slice(0, 50), SOAP.slice(50)], "text/xml")],
        ["no body", {}],
        ["an empty body", post("")],
        ["other types", post("<a>", "text/html")],
      ] as const
    ).map(([title, request]) => ({
      title: `lets ${title} through`,
      options: {},
      request,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), [200, undefined, 1]),
    })),
    {
      title: "lets processing instructions through where they are allowed",
      options: { processingInstructions: "allow" as const },
      request: post("<?a b?><a/>"),
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, 1]),
    },
    ...refusals.map(([title, request, reason, options = {}]) => ({
      title: `refuses ${title}`,
      options,
      request,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), [400, reason, 0]),
    })),
    ...(
      [
        ["UTF-16", post(Buffer.from("\ufeff<a/>", "utf16le")), "xml_encoding"],
        ["UTF-16 by its type alone", post("<a/>", "text/xml; charset=utf-16"), "xml_encoding"],
        ["what is compressed", post("<a/>", undefined, { "content-encoding": "gzip" }), "xml_encoded"],
      ] as const
    ).map(([title, request, reason]) => ({
      title: `refuses ${title}`,
      options: {},
      request,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), [415, reason, 0]),
    })),
    {
      title: "holds no more than it may",
      options: { max: "10B" },
      request: post(["<a>12345", "</a>"]),
      check: (run) => assert.deepEqual(outcome(run), [413, "body_too_large", 0]),
    },
  ],
  wire: {
    title: "refuses a bomb",
    options: { depth: 3 },
    request: post(BOMB),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [400, 0]),
  },
});
