import assert from "node:assert/strict";
import { constants, createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { StoreDown } from "../pipeline/limits.ts";
import {
  describePolicy,
  memoryGateway,
  type PolicyRun,
  type TestRequest,
  testClock,
} from "../testing/index.ts";
import { anyOf } from "./any-of.ts";
import { keyAuth } from "./key-auth.ts";
import { messageSignaturesPolicy as messageSignatures } from "./message-signatures.ts";

const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const SECRET = "sixteen characters, and more";

const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;
const signatures = Object.entries({ ed, rsa, weak, p256, p384 }).map(([id, { publicKey }]) => ({
  id,
  publicKey: pemOf(publicKey),
}));
const consumers = [
  {
    name: "billing",
    signatures: [
      ...signatures,
      { id: "old", publicKey: pemOf(ed.publicKey), expires: "2023-11-14" },
      { id: "later", publicKey: pemOf(ed.publicKey), notBefore: "2023-11-15" },
    ],
    hmac: [{ id: "shared", secret: SECRET }],
  },
];

/** The clock of the tests stands on 2023-11-14T22:13:20Z. */
const NOW = 1_700_000_000;
const clock = testClock(NOW * 1_000);

type Sign = (data: Buffer) => Buffer;
const IEEE = { dsaEncoding: "ieee-p1363" } as const;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
const signers: Readonly<Record<string, Sign>> = {
  ed25519: (data) => sign(null, data, ed.privateKey),
  "rsa-pss-sha512": (data) => sign("sha512", data, { key: rsa.privateKey, ...PSS }),
  "rsa-v1_5-sha256": (data) => sign("sha256", data, rsa.privateKey),
  "ecdsa-p256-sha256": (data) => sign("sha256", data, { key: p256.privateKey, ...IEEE }),
  "ecdsa-p384-sha384": (data) => sign("sha384", data, { key: p384.privateKey, ...IEEE }),
  "hmac-sha256": (data) => createHmac("sha256", SECRET).update(data).digest(),
};
const KEY_OF: Readonly<Record<string, string>> = {
  ...{ ed25519: "ed", "rsa-pss-sha512": "rsa", "rsa-v1_5-sha256": "rsa", "hmac-sha256": "shared" },
  ...{ "ecdsa-p256-sha256": "p256", "ecdsa-p384-sha384": "p384" },
};

interface Signing {
  readonly label?: string;
  readonly by?: string;
  readonly algorithm?: string;
  /** Identifiers and values of what is covered. */
  readonly covered?: Readonly<Record<string, string>>;
  /** Behind the list; default: created and keyid. */
  readonly parameters?: string;
}

const TARGET = "http://a.example/a?b=1&c=2";
const COVERED = { '"@method"': "GET", '"@target-uri"': TARGET };

function fieldsOf({ label = "sig", by, algorithm = "ed25519", covered = COVERED, ...rest }: Signing) {
  const parameters = rest.parameters ?? `;created=${NOW};keyid="${by ?? KEY_OF[algorithm]}"`;
  const list = `(${Object.keys(covered).join(" ")})${parameters}`;
  const lines = [
    ...Object.entries(covered).map(([id, value]) => `${id}: ${value}`),
    `"@signature-params": ${list}`,
  ];
  const made = signers[algorithm]!(Buffer.from(lines.join("\n"))).toString("base64");
  return { "signature-input": `${label}=${list}`, signature: `${label}=:${made}:` };
}

function signed(signing: Signing = {}, request: TestRequest = {}): TestRequest {
  return { target: "/a?b=1&c=2", ...request, fields: { ...request.fields, ...fieldsOf(signing) } };
}

const at = (more: string, keyid = "ed"): Signing => ({
  parameters: `;created=${NOW};keyid="${keyid}"${more}`,
});

const BODY = '{"hello": "world"}';
const digestOf = (body: string): string =>
  `sha-256=:${createHash("sha256").update(body).digest("base64")}:, sha-512=:${createHash("sha512").update(body).digest("base64")}:`;

function posted(body: TestRequest["body"], digest: string = digestOf(BODY)): TestRequest {
  const covered = { ...COVERED, '"@method"': "POST", '"content-digest"': digest };
  return signed(
    { covered },
    { method: "POST", ...(body !== undefined && { body }), fields: { "content-digest": digest } },
  );
}

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
  exchange.credential,
  sent.length,
];

const raw = (input: string, signature: string): TestRequest => ({
  fields: { "signature-input": input, signature },
});

const refusals: readonly (readonly [
  title: string,
  request: TestRequest,
  reason: string,
  options?: object,
])[] = [
  ["nothing", { target: "/a" }, "signature_missing"],
  ["a signature of another tag", signed(at(';tag="other"')), "signature_missing", { tag: "app" }],
  ["half of a signature", { fields: { "signature-input": "a=()" } }, "signature_malformed"],
  ["junk", raw("((", "a"), "signature_malformed"],
  ["no key", signed({ parameters: `;created=${NOW}` }), "signature_malformed"],
  ["an unknown key", signed({ by: "nobody" }), "signature_wrong"],
  ["another's key", signed({ by: "p256" }), "signature_wrong"],
  ["another query", signed({}, { target: "/a?b=1&c=3" }), "signature_wrong"],
  ["another host", signed({}, { host: "b.example" }), "signature_wrong"],
  ["another method", signed({}, { method: "DELETE" }), "signature_wrong"],
  ["an algorithm that is not the key's", signed(at(';alg="hmac-sha256"')), "signature_algorithm"],
  ["an algorithm that is not taken", signed(), "signature_algorithm", { algorithms: ["hmac-sha256"] }],
  ["a weak key", signed({ by: "weak" }), "signature_algorithm"],
  ["a key that has expired", signed({ by: "old" }), "signature_key_expired"],
  ["a key whose time is to come", signed({ by: "later" }), "signature_key_not_yet"],
  ["no time", signed({ parameters: ';keyid="ed"' }), "signature_insufficient"],
  ["an old signature", signed({ parameters: `;created=${NOW - 330};keyid="ed"` }), "signature_untimely"],
  [
    "a signature of tomorrow",
    signed({ parameters: `;created=${NOW + 31};keyid="ed"` }),
    "signature_untimely",
  ],
  ["a signature that has expired", signed(at(`;expires=${NOW - 30}`)), "signature_untimely"],
  ["no nonce", signed(), "signature_insufficient", { nonce: "required" }],
  ["no target", signed({ covered: { '"@method"': "GET" } }), "signature_insufficient"],
  [
    "only a part of what must be covered",
    signed(),
    "signature_insufficient",
    { covers: ["@method", "x-tenant"] },
  ],
  [
    "a component that is not there",
    signed({ covered: { ...COVERED, '"x-tenant"': "a" } }),
    "signature_malformed",
  ],
  ["a component of answers", signed({ covered: { ...COVERED, '"@status"': "200" } }), "signature_malformed"],
  [
    "a body that is not covered",
    signed({ covered: { ...COVERED, '"@method"': "POST" } }, { method: "POST", body: BODY }),
    "signature_insufficient",
  ],
  ["another body", posted("{}"), "signature_digest_wrong"],
  ["another body in pieces", posted(["{", "}"]), "signature_digest_wrong"],
  ["no body where one was signed", posted(undefined), "signature_digest_wrong"],
  ["a digest by MD5", posted(BODY, "md5=:AAAA:"), "signature_malformed"],
  [
    "a digest of which one is wrong",
    posted(BODY, `${digestOf(BODY).split(",")[0]}, sha-512=:${"A".repeat(86)}==:`),
    "signature_digest_wrong",
  ],
];

const known = [200, undefined, "billing", "ed", 1];

describePolicy(messageSignatures, {
  consumers,
  refused: [
    { options: { covers: ["a b("] }, message: /not a component/ },
    ...["@method;req", "@query-param", "date;req", "date;key=1", "date;bs;sf", "date;x"].map((one) => ({
      options: { covers: [one] },
      message: /not a component/,
    })),
    { options: { algorithms: [] }, message: /algorithms/ },
    { options: { algorithms: ["none"] }, message: /algorithms/ },
    { options: { tag: "\n" }, message: /not a tag/ },
  ],
  steps: [
    {
      title: "knows who signed, and keeps the signature from the service",
      options: {},
      request: signed(),
      clock,
      check(run) {
        assert.deepEqual(outcome(run), known);
        assert.equal(run.sent[0]!.fields.get("signature"), undefined);
        assert.equal(run.sent[0]!.fields.get("signature-input"), undefined);
      },
    },
    ...Object.keys(signers).flatMap((algorithm) =>
      ["", `;alg="${algorithm}"`].map((alg) => ({
        title: `takes ${algorithm}${alg === "" ? "" : ", named"}`,
        options:
          algorithm === "rsa-v1_5-sha256" && alg === "" ? { algorithms: ["rsa-v1_5-sha256" as const] } : {},
        request: signed({ algorithm, parameters: `;created=${NOW};keyid="${KEY_OF[algorithm]}"${alg}` }),
        clock,
        check: (run: PolicyRun) =>
          assert.deepEqual(outcome(run), [...known.slice(0, 3), KEY_OF[algorithm], 1]),
      })),
    ),
    ...(
      [
        [
          {
            '"@method"': "GET",
            '"@scheme"': "http",
            '"@authority"': "a.example",
            '"@path"': "/a",
            '"@query"': "?b=1&c=2",
          },
          undefined,
        ],
        [{ '"@method"': "GET", '"@request-target"': "/a?b=1&c=2" }, ["@method", "@path", "@query"]],
        [COVERED, ["@authority", '"@query-param";name="b"']],
        [{ ...COVERED, '"@query-param";name="b"': "1" }, ['"@query-param";name="b"']],
        [{ ...COVERED, '"priority";sf': "u=1, i" }, ["priority"]],
        [{ ...COVERED, '"priority";key="u"': "1" }, ['"priority";key="u"']],
        [{ ...COVERED, '"x-odd";bs': ":YSwgYg==:" }, ["x-odd"]],
        [{ ...COVERED, '"x-odd";bs': ":YSwgYg==:" }, ["x-odd;bs"]],
        [{ ...COVERED, '"priority"': "u=1,  i" }, ["priority;sf"]],
      ] as const
    ).map(([covered, covers]) => ({
      title: `takes ${Object.keys(covered).join(" ")}`,
      options: covers === undefined ? {} : { covers: [...covers] },
      request: signed({ covered }, { fields: { priority: "u=1,  i", "x-odd": "a, b" } }),
      clock,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run), known),
    })),
    {
      title: "takes the first of several signatures that holds",
      options: {},
      request: {
        target: "/a?b=1&c=2",
        fields: {
          "signature-input": `${fieldsOf({ label: "proxy", by: "nobody" })["signature-input"]}, ${fieldsOf({})["signature-input"]}`,
          signature: `${fieldsOf({ label: "proxy" }).signature}, ${fieldsOf({}).signature}`,
        },
      },
      clock,
      check: (run) => assert.deepEqual(outcome(run), known),
    },
    {
      title: "takes what has the tag, a nonce and an expiry to come",
      options: { tag: "app", nonce: "required" as const },
      request: signed(at(`;expires=${NOW + 1};nonce="n";tag="app"`)),
      clock,
      check: (run) => assert.deepEqual(outcome(run), known),
    },
    {
      title: "signs the path as the client wrote it",
      options: {},
      request: signed(
        { covered: { '"@method"': "GET", '"@target-uri"': "http://a.example/%61/./b" } },
        { target: "/%61/./b" },
      ),
      clock,
      check: (run) => assert.deepEqual(outcome(run), known),
    },
    ...[BODY, [BODY.slice(0, 5), BODY.slice(5)]].map((body) => ({
      title: `lets a body through that was signed${typeof body === "string" ? "" : ", in pieces"}`,
      options: {},
      request: posted(body),
      clock,
      check: (run: PolicyRun) => {
        assert.deepEqual(outcome(run), known);
        assert.equal(run.sent[0]!.body.toString(), BODY);
      },
    })),
    {
      title: "holds no more of a body than it may",
      options: { max: "10B" },
      request: posted(BODY),
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [413, "body_too_large"]),
    },
    ...refusals.map(([title, request, reason, options = {}]) => ({
      title: `refuses ${title}`,
      options,
      request,
      clock,
      check: (run: PolicyRun) => {
        assert.deepEqual([...outcome(run).slice(0, 2), run.sent.length], [401, reason, 0]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'Signature realm="api"');
      },
    })),
    {
      title: "says in a 401 what it wants signed",
      options: { tag: 'a"b' },
      clock,
      check: ({ reply }) =>
        assert.equal(
          reply.fields.get("accept-signature"),
          'sig=("@method" "@target-uri" "content-digest");created;keyid;tag="a\\"b"',
        ),
    },
    {
      title: "refuses everybody while nobody knows what was used before",
      options: { replay: "refuse" as const },
      request: signed(),
      clock,
      store: () => {
        const limiter = {
          take: () => Promise.reject(new StoreDown("down")),
          add: () => undefined,
          close: () => undefined,
        };
        return { limiter: () => limiter, gauge: () => assert.fail("no gauge is asked for") };
      },
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [503, "signature_store_down"]),
    },
  ],
  wire: {
    title: "refuses what is not signed",
    options: {},
    check: ({ reply }) => assert.equal(reply.status, 401),
  },
});

/** A store that lets each key in once. */
function onceStore() {
  const used = new Set<string>();
  const take = async (key: string) => {
    const allowed = !used.has(key);
    used.add(key);
    return { allowed, retryAfter: 0, delay: 0, states: [] };
  };
  const limiter = { take, add: () => undefined, close: () => undefined };
  return () => ({ limiter: () => limiter, gauge: () => assert.fail("no gauge is asked for") });
}

test("a nonce counts once, and without one a request of the same second", async () => {
  const policies = [{ "message-signatures": { replay: "refuse" } }];
  const gateway = memoryGateway({
    policies: [messageSignatures],
    config: { policies, consumers },
    clock,
    store: onceStore(),
  });
  const ecdsa = { algorithm: "ecdsa-p256-sha256" };
  const reasons: unknown[] = [];
  for (const request of [
    signed(ecdsa),
    signed(ecdsa), // another signature of the same
    signed(at(';nonce="a"')),
    signed(at(';nonce="b"')),
    signed({ ...at(';nonce="a"'), covered: { ...COVERED, '"host"': "a.example" } }),
  ])
    reasons.push((await gateway.send(request)).exchange.outcome?.reason);
  assert.deepEqual(reasons, [undefined, "signature_replayed", undefined, undefined, "signature_replayed"]);
  gateway.close();
});

test("beside other ways of asking the body is held against what was signed as well", async () => {
  const methods = [{ "key-auth": {} }, { "message-signatures": {} }];
  const gateway = memoryGateway({
    policies: [messageSignatures, keyAuth, anyOf],
    config: { policies: [{ "any-of": { methods } }], consumers },
    clock,
  });
  const reasons: unknown[] = [];
  for (const request of [posted(BODY), posted("{}"), signed(), {}])
    reasons.push((await gateway.send(request)).exchange.outcome?.reason);
  assert.deepEqual(reasons, [undefined, "signature_digest_wrong", undefined, "any_of_missing"]);
  gateway.close();
});
