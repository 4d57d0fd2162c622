import assert from "node:assert/strict";
import { createSecretKey, type KeyObject } from "node:crypto";
import { describe, test } from "node:test";
import { CLIENT_CERT, KEYS, SECRET, SIGNATURES } from "../../test/support/signature-vectors.ts";
import { Fields } from "../lib/fields.ts";
import { isSignatureOf, publicKeyOf, type SignatureAlgorithm, signatureOf } from "./signature-algorithms.ts";
import { componentValue, NoComponent, type SignedMessage, signatureBase } from "./signature-components.ts";
import { messageSignatures } from "./signature-input.ts";
import { itemOf } from "./structured-fields.ts";

const DIGEST =
  "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
const TO = { method: "POST", scheme: "https", authority: "example.com", path: "/foo" };
const request = { ...TO, query: "?param=Value&Pet=dog" };
const requestFields = {
  host: "example.com",
  date: "Tue, 20 Apr 2021 02:07:55 GMT",
  "content-type": "application/json",
  "content-digest": DIGEST,
  "content-length": "18",
};
const responseFields = {
  date: "Tue, 20 Apr 2021 02:07:56 GMT",
  "content-type": "application/json",
  "content-digest":
    "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
  "content-length": "23",
};
const busyFields = {
  "content-type": "application/json",
  "content-digest":
    "sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:",
};

interface Vector {
  readonly label: string;
  readonly input: string;
  readonly algorithm: SignatureAlgorithm;
  readonly fields: Readonly<Record<string, string>>;
  readonly message?: Partial<SignedMessage>;
}

const at = ";created=1618884473;keyid=";
const vectors: readonly Vector[] = [
  {
    label: "sig-b21",
    input: `()${at}"test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"`,
    algorithm: "rsa-pss-sha512",
    fields: requestFields,
  },
  {
    label: "sig-b22",
    input: `("@authority" "content-digest" "@query-param";name="Pet")${at}"test-key-rsa-pss";tag="header-example"`,
    algorithm: "rsa-pss-sha512",
    fields: requestFields,
  },
  {
    label: "sig-b23",
    input: `("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")${at}"test-key-rsa-pss"`,
    algorithm: "rsa-pss-sha512",
    fields: requestFields,
  },
  {
    label: "sig-b24",
    input: `("@status" "content-type" "content-digest" "content-length")${at}"test-key-ecc-p256"`,
    algorithm: "ecdsa-p256-sha256",
    fields: responseFields,
    message: { status: 200 },
  },
  {
    label: "sig-b25",
    input: `("date" "@authority" "content-type")${at}"test-shared-secret"`,
    algorithm: "hmac-sha256",
    fields: requestFields,
  },
  {
    label: "sig-b26",
    input: `("date" "@method" "@path" "@authority" "content-type" "content-length")${at}"test-key-ed25519"`,
    algorithm: "ed25519",
    fields: requestFields,
  },
  {
    label: "ttrp",
    input: `("@path" "@query" "@method" "@authority" "client-cert")${at}"test-key-ecc-p256"`,
    algorithm: "ecdsa-p256-sha256",
    fields: { ...requestFields, "client-cert": CLIENT_CERT },
    message: { request: { ...request, authority: "service.internal.example" } },
  },
  {
    label: "transform",
    input: `("@method" "@path" "@authority" "accept")${at}"test-key-ed25519"`,
    algorithm: "ed25519",
    fields: { accept: "application/json, */*" },
    message: {
      request: {
        ...TO,
        method: "GET",
        authority: "example.org",
        path: "/demo",
        query: "?name1=Value1&Name2=value2",
      },
    },
  },
  {
    label: "reqres",
    input:
      '("@status" "content-digest" "content-type" "@authority";req "@method";req "@path";req "content-digest";req)' +
      ';created=1618884479;keyid="test-key-ecc-p256"',
    algorithm: "ecdsa-p256-sha256",
    fields: busyFields,
    message: { status: 503, requestFields: Fields.from(requestFields) },
  },
];

function keyOf(id: string): KeyObject {
  const pem = KEYS[id];
  return pem === undefined ? createSecretKey(Buffer.from(SECRET, "base64")) : publicKeyOf(pem)!;
}

describe("examples of RFC 9421", () => {
  for (const { label, input, algorithm, fields, message } of vectors)
    test(`${label} holds, and not with any other base`, () => {
      const signed = Fields.from({
        ...fields,
        "signature-input": `${label}=${input}`,
        signature: `${label}=:${SIGNATURES[label]}:`,
      });
      const [read] = messageSignatures(signed) as [
        Exclude<ReturnType<typeof messageSignatures>, string | undefined>[0],
      ];
      assert.deepEqual([read.label, read.text], [label, input]);
      const base = signatureBase({ request, fields: signed, ...message }, read.components, read.text);
      const key = keyOf(read.keyId!);
      assert.equal(isSignatureOf(algorithm, key, base, read.signature), true);
      assert.equal(isSignatureOf(algorithm, key, `${base} `, read.signature), false);
      assert.equal(isSignatureOf(algorithm, key, base, read.signature.subarray(1)), false);
    });

  test("the shared secret signs as the example says", () => {
    const base = signatureBase(
      { request, fields: Fields.from(requestFields) },
      ["date", "@authority", "content-type"].map((name) => itemOf(`"${name}"`)!),
      `("date" "@authority" "content-type")${at}"test-shared-secret"`,
    );
    const secret = createSecretKey(Buffer.from(SECRET, "base64"));
    assert.equal(
      (signatureOf("hmac-sha256", secret, base) as Buffer).toString("base64"),
      SIGNATURES["sig-b25"],
    );
  });
});

/** The fields of RFC 9421 §2.1. */
const example: SignedMessage = {
  request: { method: "GET", scheme: "https", authority: "WWW.Example.com:443", path: "/path", query: "" },
  fields: Fields.from([
    ["host", "www.example.com"],
    ["x-ows-header", "Leading and trailing whitespace."],
    ["cache-control", "max-age=60"],
    ["cache-control", "must-revalidate"],
    ["example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"],
    ["priority", "u=1,   i"],
    ["x-empty-header", ""],
    ["example-header", "value, with, lots"],
    ["example-header", "of, commas"],
  ]),
  trailers: Fields.from({ expires: "Wed, 9 Nov 2022 07:28:00 GMT" }),
};

function value(component: string, message: SignedMessage = example): string {
  return componentValue(message, itemOf(component)!);
}

function ofQuery(query: string, component: string): string {
  return value(component, { ...example, request: { ...example.request, query } });
}

describe("components", () => {
  for (const [component, expected] of [
    ['"host"', "www.example.com"],
    ['"x-ows-header"', "Leading and trailing whitespace."],
    ['"cache-control"', "max-age=60, must-revalidate"],
    ['"x-empty-header"', ""],
    ['"priority";sf', "u=1, i"],
    ['"example-dict";key="a"', "1"],
    ['"example-dict";key="d"', "?1"],
    ['"example-dict";key="b"', "2;x=1;y=2"],
    ['"example-dict";key="c"', "(a b c)"],
    ['"example-header";bs', ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"],
    ['"expires";tr', "Wed, 9 Nov 2022 07:28:00 GMT"],
    ['"@method"', "GET"],
    ['"@authority"', "www.example.com"],
    ['"@scheme"', "https"],
    ['"@target-uri"', "https://www.example.com/path"],
    ['"@request-target"', "/path"],
    ['"@path"', "/path"],
    ['"@query"', "?"],
  ] as const)
    test(`${component} is ${JSON.stringify(expected)}`, () => assert.equal(value(component), expected));

  test("of the query are encoded in one way (RFC 9421 §2.2.8)", () => {
    const query = "?param=value&foo=bar&baz=batman&qux=";
    assert.equal(ofQuery(query, '"@query-param";name="baz"'), "batman");
    assert.equal(ofQuery(query, '"@query-param";name="qux"'), "");
    const odd =
      "?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
    assert.equal(ofQuery(odd, '"@query-param";name="var"'), "this%20is%20a%20big%0Amultiline%20value");
    assert.equal(ofQuery(odd, '"@query-param";name="bar"'), "with%20plus%20whitespace");
    assert.equal(ofQuery(odd, '"@query-param";name="fa%C3%A7ade%22%3A%20"'), "something");
  });

  for (const component of [
    ...[
      '"@status"',
      '"@unknown"',
      '"@method";req',
      '"@method";sf',
      '"@query-param"',
      '"@query-param";name="a"',
    ],
    ...[
      '"missing"',
      '"Host"',
      '"host";tr',
      '"host";req',
      '"host";sf',
      '"host";bs;sf',
      '"host";bs;key="a"',
      '"host";x',
    ],
    ...[
      '"host";sf=1',
      '"host";key',
      '"example-dict";key="z"',
      '"cache-control";key=1',
      "1",
      "token",
      '"@signature-params"',
    ],
  ])
    test(`${component} cannot be had`, () => assert.throws(() => value(component), NoComponent));

  test("of one query take it apart once", () => {
    let read = 0;
    const counted = {
      ...example.request,
      get query(): string {
        read++;
        return "?a=1&b=2";
      },
    };
    const components = ["a", "b"].map((name) => itemOf(`"@query-param";name="${name}"`)!);
    const base = signatureBase({ ...example, request: counted }, components, "()");
    assert.match(base, /name="a": 1\n.*name="b": 2\n/);
    assert.equal(read, 1);
  });

  test("that stand twice in the query cannot be had", () => {
    assert.throws(() => ofQuery("?a=1&a=2", '"@query-param";name="a"'), NoComponent);
    assert.throws(() => ofQuery("?a=1&%61=2", '"@query-param";name="a"'), NoComponent);
  });

  test("are covered once", () => {
    const twice = ['"host";bs', '"host";bs'].map((text) => itemOf(text)!);
    assert.throws(() => signatureBase(example, twice, "()"), /covered twice/);
  });
});

describe("the fields of signatures", () => {
  const read = (input: string | undefined, signature: string | undefined) =>
    messageSignatures(
      Fields.from({
        ...(input !== undefined && { "signature-input": input }),
        ...(signature !== undefined && { signature }),
      }),
    );

  test("may be missing together only", () => {
    assert.equal(read(undefined, undefined), undefined);
    assert.equal(read("a=()", undefined), "malformed");
    assert.equal(read(undefined, "a=:AA==:"), "malformed");
  });

  for (const [input, signature] of [
    ["a=(", "a=:AA==:"],
    ["a=1", "a=:AA==:"],
    ["a=()", "b=:AA==:"],
    ["a=()", "a=AA"],
    ["a=(token)", "a=:AA==:"],
    ["a=();created=x", "a=:AA==:"],
    ["a=();created=1.5", "a=:AA==:"],
    ["a=();keyid=1", "a=:AA==:"],
    ["a=();alg=token", "a=:AA==:"],
    ["", "a=:AA==:"],
    [`a=(${'"x" '.repeat(100)}"x")`, "a=:AA==:"],
    [Array.from({ length: 17 }, (_, i) => `a${i}=()`).join(), "a=:AA==:"],
  ] as const)
    test(`${input.slice(0, 40)} with ${signature} cannot be read`, () =>
      assert.equal(read(input, signature), "malformed"));
});
