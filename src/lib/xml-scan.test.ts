import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seeded } from "../../test/support/raw.ts";
import { scanXml, type XmlLimits } from "./xml-scan.ts";

const M = Number.POSITIVE_INFINITY;
const OPEN: XmlLimits = {
  ...{
    depth: M,
    elements: M,
    attributes: M,
    namespaces: M,
    nameLength: M,
    attributeLength: M,
    textLength: M,
  },
  ...{ comments: true, processingInstructions: true },
};

const faultOf = (text: string | Buffer, limits: Partial<XmlLimits> = {}): string | undefined =>
  scanXml(Buffer.from(text as string), { ...OPEN, ...limits })?.fault;

const SOAP = `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:m="urn:orders">
  <soap:Header/>
  <soap:Body><m:Get id="1">a &amp; b &#x263a; <![CDATA[<c>]]></m:Get></soap:Body>
</soap:Envelope>`;

describe("XML that is taken", () => {
  for (const [name, text] of Object.entries({
    "an envelope of SOAP": SOAP,
    "an element": "<a/>",
    "a byte order mark of UTF-8": "\ufeff<a/>",
    "another name of an encoding that is part of UTF-8": '<?xml version="1.0" encoding="US-ASCII"?><a/>',
    "characters outside of the first plane": `<a b="😀">${"😀".repeat(20_000)}</a>`,
    "comments and processing instructions": "<!-- a --><?b c?><a/>",
  }))
    test(name, () => assert.equal(faultOf(text), undefined));
});

describe("XML that is refused", () => {
  for (const [fault, texts] of Object.entries({
    malformed: [
      ...[
        "",
        " ",
        "a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a b/>",
        "<a b=c/>",
        '<a b="1" b="2"/>',
        "<a>&unknown;</a>",
      ],
      ...[
        "<a>&amp</a>",
        "<a>&#0;</a>",
        "<a>&#xd800;</a>",
        "<a>]]></a>",
        '<a b="<"/>',
        "<p:a/>",
        '<a p:b="1"/>',
        "<a>\u0001</a>",
      ],
      ...[
        '<a xmlns:b="u" xmlns:c="u" b:d="1" c:d="2"/>',
        '<?xml version="1.1"?><a/>',
        ' <?xml version="1.0"?><a/>',
        "<a>\0</a>",
      ],
      ...["<!-- -- --><a/>", "<a/>x", "<1a/>", '<a xmlns:xmlns="u"/>', "{}"],
    ],
    doctype: [
      "<!DOCTYPE a><a/>",
      '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
      '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]><a>&x;</a>',
      '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><a/>',
      `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "${"&a;".repeat(10)}">]><a>&b;</a>`,
    ],
    encoding: [
      '<?xml version="1.0" encoding="utf-16"?><a/>',
      '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
      '<?xml version="1.0" encoding="UTF-7"?><a/>',
    ],
  }))
    for (const text of texts)
      test(`${fault}: ${JSON.stringify(text)}`, () => assert.equal(faultOf(text), fault));

  test("encoding: what is not UTF-8, with and without a mark", () => {
    const utf16 = Buffer.from("<a/>", "utf16le");
    assert.equal(faultOf(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])), "encoding");
    assert.equal(
      faultOf(Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()])),
      "encoding",
    );
    assert.equal(faultOf(utf16), "encoding");
    assert.equal(faultOf(Buffer.from(utf16).swap16()), "encoding");
    assert.equal(faultOf(Buffer.from("<a>\xe9</a>", "latin1")), "encoding");
  });
});

describe("bounds of XML", () => {
  for (const [limits, within, beyond, fault] of [
    [{ depth: 2 }, "<a><b/><b/></a>", "<a><b><c/></b></a>", "depth"],
    [{ elements: 2 }, "<a><b/></a>", "<a><b/><b/></a>", "elements"],
    [{ attributes: 1 }, '<a b="1"><c b="1"/></a>', '<a b="1" c="1"/>', "attributes"],
    [{ namespaces: 1 }, '<a xmlns="u"/>', '<a xmlns="u" xmlns:b="v"/>', "namespaces"],
    [{ nameLength: 3 }, '<abc d="1"/>', "<abcd/>", "name"],
    [{ nameLength: 3 }, "<abc/>", '<abc abcd="1"/>', "name"],
    [{ attributeLength: 3 }, '<a b="123"/>', '<a b="1234"/>', "attribute"],
    [{ textLength: 3 }, "<a>123<b/>123</a>", "<a>1234</a>", "text"],
    [{ textLength: 3 }, "<a><![CDATA[123]]></a>", "<a><![CDATA[1234]]></a>", "text"],
    [{ comments: false }, "<a/>", "<!-- --><a/>", "comment"],
    [{ processingInstructions: false }, '<?xml version="1.0"?><a/>', "<?a b?><a/>", "instruction"],
  ] as const)
    test(`${JSON.stringify(limits)}: ${within}, not ${beyond}`, () => {
      assert.equal(faultOf(within, limits), undefined);
      assert.equal(faultOf(beyond, limits), fault);
    });

  test("a hundred thousand levels exhaust nothing", () => {
    const deep = "<a>".repeat(100_000);
    assert.equal(faultOf(deep, { depth: 1_000 }), "depth");
    const most = "<a>".repeat(1_000) + "</a>".repeat(1_000);
    assert.equal(faultOf(most, { depth: 1_000 }), undefined);
  });
});

test("whatever is broken is refused or taken, and nothing is thrown", () => {
  const random = seeded(4_711);
  const pieces = [
    "<",
    ">",
    "/",
    "&",
    ";",
    "!",
    "?",
    "[",
    "]",
    '"',
    "=",
    "a",
    "\0",
    "]]>",
    "<!--",
    "<![CDATA[",
    "<!DOCTYPE",
    "&#x",
    "xmlns",
  ];
  const found = new Map<string, number>();
  for (let i = 0; i < 5_000; i++) {
    let text = SOAP;
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      const at = Math.floor(random() * text.length);
      const piece = pieces[Math.floor(random() * pieces.length)]!;
      text = text.slice(0, at) + (random() < 0.7 ? piece : "") + text.slice(at + Math.floor(random() * 3));
    }
    const fault = faultOf(random() < 0.1 ? Buffer.from(text, "latin1") : text) ?? "none";
    found.set(fault, (found.get(fault) ?? 0) + 1);
  }
  assert.ok(
    (found.get("malformed") ?? 0) > 1_000 && (found.get("none") ?? 0) > 100,
    JSON.stringify([...found]),
  );
});
