import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { StoreDown } from "../pipeline/limits.ts";
import {
  describePolicy,
  memoryGateway,
  type PolicyRun,
  type TestRequest,
  testClock,
} from "../testing/index.ts";
import { hmac } from "./hmac.ts";

const SECRET = "sixteen characters, and more";
/** The clock of the tests stands on 2023-11-14T22:13:20Z. */
const DATE = "Tue, 14 Nov 2023 22:13:20 GMT";
const consumers = [
  {
    name: "billing",
    hmac: [
      { id: "k1", secret: SECRET },
      { id: "old", secret: SECRET, expires: "2023-11-14" },
      { id: "later", secret: SECRET, notBefore: "2023-11-15" },
    ],
  },
  { name: "guest" },
];
const clock = testClock();

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
  exchange.credential,
  sent.length,
];

const sha256 = (body: string): string => createHash("sha256").update(body).digest("base64");

interface Signing {
  readonly id?: string;
  readonly algorithm?: string;
  readonly secret?: string;
  /** Lines that are signed. */
  readonly lines: readonly string[];
  readonly headers: string;
  readonly more?: string;
}

function authorization({
  id = "k1",
  algorithm = "hmac-sha256",
  secret = SECRET,
  lines,
  headers,
  more,
}: Signing): string {
  const signature = createHmac(algorithm.slice(5), secret).update(lines.join("\n")).digest("base64");
  return `hmac keyId="${id}", algorithm="${algorithm}", headers="${headers}"${more ?? ""}, signature="${signature}"`;
}

const plain: Signing = {
  headers: "@request-target host date",
  lines: ["@request-target: get /a?b=1", "host: a.example", `date: ${DATE}`],
};

function signed(signing: Partial<Signing> = {}, request: TestRequest = {}): TestRequest {
  const fields = { date: DATE, authorization: authorization({ ...plain, ...signing }), ...request.fields };
  return { target: "/a?b=1", ...request, fields };
}

const BODY = '{"a":1}';
function posted(digest: Readonly<Record<string, string>>, body = BODY): TestRequest {
  const [[name, value] = ["", ""]] = Object.entries(digest);
  const lines = ["@request-target: post /a?b=1", `date: ${DATE}`, `${name}: ${value}`];
  const auth = authorization({ headers: `@request-target date ${name}`, lines });
  return { method: "POST", target: "/a?b=1", body, fields: { date: DATE, ...digest, authorization: auth } };
}

const refusals: readonly (readonly [
  title: string,
  request: TestRequest,
  reason: string,
  options?: object,
])[] = [
  ["nothing", { target: "/a" }, "hmac_missing"],
  ["another scheme", { fields: { authorization: "Bearer abc" } }, "hmac_missing"],
  ["an unknown key", signed({ id: "nobody" }), "hmac_wrong"],
  ["another secret", signed({ secret: "another secret, as long" }), "hmac_wrong"],
  ["another target", signed({}, { target: "/a?b=2" }), "hmac_wrong"],
  ["another method", signed({}, { method: "DELETE" }), "hmac_wrong"],
  ["another host", signed({}, { host: "b.example" }), "hmac_wrong"],
  ["a key that has expired", signed({ id: "old" }), "hmac_expired"],
  ["a key whose time is to come", signed({ id: "later" }), "hmac_not_yet"],
  ["SHA-1", signed({ algorithm: "hmac-sha1" }), "hmac_malformed"],
  [
    "an algorithm that nobody has",
    { fields: { authorization: 'hmac keyId="k1", algorithm="constructor", signature="AA=="' } },
    "hmac_malformed",
  ],
  ["no signature", { fields: { authorization: 'hmac keyId="k1"' } }, "hmac_malformed"],
  ["no key", { fields: { authorization: 'hmac signature="AA=="' } }, "hmac_malformed"],
  [
    "two names of the key",
    { fields: { authorization: 'hmac keyId="k1", username="k1", signature="AA=="' } },
    "hmac_malformed",
  ],
  [
    "a parameter that stands twice",
    { fields: { authorization: 'hmac keyId="k1", keyId="k2", signature="AA=="' } },
    "hmac_malformed",
  ],
  ["junk", { fields: { authorization: "hmac =,=" } }, "hmac_malformed"],
  ["no time", signed({ headers: "@request-target", lines: [plain.lines[0]!] }), "hmac_insufficient"],
  ["no target", signed({ headers: "date", lines: [plain.lines[2]!] }), "hmac_insufficient"],
  ["a field that is missing", signed({ headers: "@request-target date x-other" }), "hmac_insufficient"],
  [
    "a field that must be covered",
    signed(),
    "hmac_insufficient",
    { covers: ["@request-target", "x-tenant"] },
  ],
  ["a date that is none", signed({}, { fields: { date: "yesterday" } }), "hmac_malformed"],
  ["an old date", signed({}, { fields: { date: "Tue, 14 Nov 2023 22:08:19 GMT" } }), "hmac_untimely"],
  ["a date to come", signed({}, { fields: { date: "Tue, 14 Nov 2023 22:18:21 GMT" } }), "hmac_untimely"],
  ["an expiry that is over", signed({ more: ", expires=1699999999" }), "hmac_untimely"],
  ["a body that is not signed", signed({}, { method: "POST", body: BODY }), "hmac_insufficient"],
  ["another body", posted({ digest: `SHA-256=${sha256(BODY)}` }, "{}"), "hmac_digest_wrong"],
  [
    "another body by Content-Digest",
    posted({ "content-digest": `sha-256=:${sha256(BODY)}:` }, "{}"),
    "hmac_digest_wrong",
  ],
  ["a digest by MD5 alone", posted({ digest: "MD5=AAAAAAAAAAAAAAAAAAAAAA==" }), "hmac_malformed"],
  ["a digest that is too short", posted({ digest: "SHA-256=AAAA" }), "hmac_malformed"],
];

describePolicy(hmac, {
  consumers,
  refused: [
    { options: { algorithms: [] }, message: /algorithms/ },
    { options: { algorithms: ["hmac-md5"] }, message: /algorithms/ },
    { options: { covers: ["a b"] }, message: /not what can be signed/ },
    { options: { replay: "refuse", store: "nowhere" }, message: /there is no store "nowhere"/ },
  ],
  steps: [
    {
      title: "knows who signed, and keeps the signature from the service",
      options: {},
      request: signed(),
      clock,
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]);
        assert.equal(run.sent[0]!.fields.get("authorization"), undefined);
        assert.equal(run.sent[0]!.fields.get("date"), DATE);
      },
    },
    {
      title: "takes what clients of other gateways send: username, request-line, x-date",
      options: {},
      request: {
        target: "/a?b=1",
        fields: {
          "x-date": DATE,
          authorization: authorization({
            headers: "x-date request-line",
            lines: [`x-date: ${DATE}`, "GET /a?b=1 HTTP/1.1"],
          }).replace("keyId", "username"),
        },
      },
      clock,
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]),
    },
    {
      title: "takes what the draft says: Signature, (request-target), (created)",
      options: {},
      request: {
        target: "/a?b=1",
        fields: {
          authorization: authorization({
            headers: "(request-target) (created)",
            lines: ["(request-target): get /a?b=1", "(created): 1700000000"],
            more: ", created=1700000000",
          }).replace("hmac ", "Signature "),
        },
      },
      clock,
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]),
    },
    {
      title: "signs the path as the client wrote it",
      options: {},
      request: signed(
        { headers: "@request-target date", lines: ["@request-target: get /%61/./b", plain.lines[2]!] },
        { target: "/%61/./b" },
      ),
      clock,
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]),
    },
    ...["hmac-sha1", "hmac-sha384", "hmac-sha512"].map((algorithm) => ({
      title: `takes ${algorithm} where it is allowed`,
      options: { algorithms: [algorithm as "hmac-sha1"] },
      request: signed({ algorithm }),
      clock,
      check: (run: PolicyRun) => assert.deepEqual(outcome(run).slice(0, 3), [200, undefined, "billing"]),
    })),
    ...[
      { digest: `SHA-256=${sha256(BODY)}` },
      { digest: `md5=AAAA,sha-256=${sha256(BODY)}` },
      { "content-digest": `sha-256=:${sha256(BODY)}:` },
    ].map((digest) => ({
      title: `lets a body through that is signed by ${Object.values(digest)[0]!.slice(0, 12)}`,
      options: {},
      request: posted(digest as unknown as Record<string, string>),
      clock,
      check: (run: PolicyRun) => {
        assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]);
        assert.equal(run.sent[0]!.body.toString(), BODY);
      },
    })),
    {
      title: "lets a body through that nobody signed where that is allowed",
      options: { body: "checked" as const },
      request: signed(
        { headers: "@request-target date", lines: ["@request-target: post /a?b=1", plain.lines[2]!] },
        { method: "POST", body: ["{", "}"] },
      ),
      clock,
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "k1", 1]),
    },
    {
      title: "holds no more of a body than it may",
      options: { max: 3 },
      request: posted({ digest: `SHA-256=${sha256(BODY)}` }),
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
        assert.equal(run.reply.fields.get("www-authenticate")?.startsWith('hmac realm="api"'), true);
      },
    })),
    {
      title: "goes on without a signature where that is allowed, not with a wrong one",
      options: { anonymous: "guest" },
      check: (run) => assert.deepEqual(outcome(run).slice(0, 3), [200, undefined, "guest"]),
    },
    {
      title: "refuses everybody while nobody knows what was used before",
      options: { replay: "refuse" as const },
      request: signed(),
      clock,
      store: () => {
        const take = (): never => {
          throw new StoreDown("down");
        };
        const limiter = { take, add: () => undefined, close: () => undefined };
        return { limiter: () => limiter, gauge: () => assert.fail("no gauge is asked for") };
      },
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [503, "hmac_store_down"]),
    },
  ],
  wire: {
    title: "refuses what is not signed",
    options: { algorithms: ["hmac-sha256"] },
    check: ({ reply }) => assert.equal(reply.status, 401),
  },
});

test("what was used is remembered past the last moment at which it counts", () => {
  const windows: number[] = [];
  const limiter = { take: () => assert.fail(), add: () => undefined, close: () => undefined };
  const gateway = memoryGateway({
    policies: [hmac],
    config: { policies: [{ hmac: { replay: "refuse", clockSkew: "5m" } }], consumers },
    clock,
    store: () => ({
      limiter: (_space, [rule]) => {
        windows.push(rule!.window);
        return limiter;
      },
      gauge: () => assert.fail("no gauge is asked for"),
    }),
  });
  gateway.close();
  assert.ok(windows.length > 0 && windows.every((one) => one > 600_000));
});

test("a signature is taken once where that is asked for", async () => {
  const used = new Set<string>();
  const states: never[] = [];
  const take = (key: string) => {
    const allowed = !used.has(key);
    used.add(key);
    return { allowed, retryAfter: 0, delay: 0, states };
  };
  const limiter = { take, add: () => undefined, close: () => undefined };
  const gateway = memoryGateway({
    policies: [hmac],
    config: { policies: [{ hmac: { replay: "refuse" } }], consumers },
    clock,
    store: () => ({ limiter: () => limiter, gauge: () => assert.fail("no gauge is asked for") }),
  });
  const reasons: unknown[] = [];
  for (const request of [
    signed({ secret: "wrong, but long enough" }),
    signed(),
    signed(),
    signed({ algorithm: "hmac-sha512" }),
  ])
    reasons.push((await gateway.send(request)).exchange.outcome?.reason);
  assert.deepEqual(reasons, ["hmac_wrong", undefined, "hmac_replayed", undefined]);
  assert.equal([...used].join().includes("k1"), false);
  gateway.close();
});
