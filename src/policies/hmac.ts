import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import { duration } from "../config/values.ts";
import { type BodyDigest, contentDigests, hasBody, hasDigests, oldDigests } from "../identity/body-digest.ts";
import { lifeOf } from "../identity/credential-life.ts";
import {
  HMAC_HASHES,
  type HmacCredentials,
  hmacCredentials,
  isHmacOf,
  signingString,
} from "../identity/hmac-credentials.ts";
import { timeliness } from "../identity/hmac-times.ts";
import { realmOption } from "../identity/realm.ts";
import { type Replay, ReplayGuard, replayOptions } from "../identity/replay-guard.ts";
import {
  type Authentication,
  type BodyCheck,
  Denied,
  defineAuthenticator,
} from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const MALFORMED = new Denied("hmac_malformed");
const WRONG = new Denied("hmac_wrong");
const EXPIRED = new Denied("hmac_expired");
const EARLY = new Denied("hmac_not_yet");
const DIGEST = new Denied("hmac_digest_wrong");
const AGAIN = new Denied("hmac_replayed");
const DOWN = new Denied("hmac_store_down");
const TIMES = {
  none: new Denied("hmac_insufficient", "no time is signed: date, x-date or (created)"),
  malformed: MALFORMED,
  late: new Denied("hmac_untimely", "the request was made too long ago"),
  early: new Denied("hmac_untimely", "the request was made in the future"),
} as const;

/** What stands for the whole target of a request. */
const TARGETS = ["@request-target", "(request-target)", "request-line"];
const NAME = /^(?:@request-target|\((?:request-target|created|expires)\)|[!#$%&'*+\-.^_`|~0-9a-z]+)$/;

const name = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(
    (text) => NAME.test(text),
    "not what can be signed; write @request-target, (created) or a field's name",
  );

const denied = (title: string, status = 401) => ({ status, source: "downstream" as const, title });

/** Knows consumers by requests that are signed with a shared secret, as clients of Kong's hmac-auth and of older drafts sign them. */
export const hmac: PolicyDefinition = defineAuthenticator({
  name: "hmac",
  options: z.strictObject({
    algorithms: z
      .array(z.enum(["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"]))
      .min(1)
      .default(["hmac-sha256", "hmac-sha384", "hmac-sha512"])
      .describe("Algorithms that are taken (default: all but hmac-sha1)."),
    covers: z
      .array(name)
      .default(["@request-target"])
      .describe(
        "What a signature must cover beside a time: @request-target, for which request-line and (request-target) stand as well, and names of fields (default: @request-target).",
      ),
    clockSkew: duration
      .default(300_000)
      .describe("How far the signed time may be from the gateway's clock (default 5m)."),
    body: z
      .enum(["required", "checked"])
      .default("required")
      .describe(
        "A request with a body must sign its Digest or Content-Digest (required, the default), or may leave the body open (checked: what is signed is checked).",
      ),
    max: byteSize.default(1_048_576).describe("Bytes of a body that is checked at most (default 1 MiB)."),
    ...replayOptions,
    realm: realmOption,
  }),
  reasons: {
    hmac_missing: denied("The request is not signed."),
    hmac_malformed: denied("The Authorization field does not hold one signature that can be read."),
    hmac_insufficient: denied("The signature does not cover what it must."),
    hmac_wrong: denied("The key is not known, or the signature was not made with it."),
    hmac_untimely: denied("The signed time is too far from the gateway's clock."),
    hmac_expired: denied("The key has expired."),
    hmac_not_yet: denied("The key is not valid yet."),
    hmac_digest_wrong: denied("The body is not the one that was signed."),
    hmac_replayed: denied("The signature was used before."),
    hmac_store_down: {
      status: 503,
      source: "gateway",
      title: "Whether the signature was used before cannot be found out now.",
    },
  },
  compile({ algorithms, covers, clockSkew, body, max, replay, store, realm }, env) {
    const allowed: ReadonlySet<string> = new Set(algorithms);
    // Both ends of the time count: at the last moment it must still be known.
    const guard =
      replay === "refuse" ? new ReplayGuard(env, "hmac", store, 2 * clockSkew + 1_000) : undefined;
    const rules = { covers, bodyRequired: body === "required" };
    const verify = (x: Exchange, sent: HmacCredentials): Authentication | Promise<Authentication> => {
      const now = env.clock.wall();
      const lacks = lackOf(x, sent, rules);
      if (lacks !== undefined) return lacks;
      const times = timeliness(x.request.fields, sent, now, clockSkew);
      if (times !== "good") return TIMES[times];
      const digests = digestsOf(x, sent);
      if (digests === "malformed") return MALFORMED;
      const text = signingString(x, sent);
      if (text === undefined)
        return new Denied("hmac_insufficient", "something that is covered is not there");
      const credential = x.snapshot.consumers.find("hmac", sent.keyId);
      // Who is not known is not told so by the time it takes either.
      const right = isHmacOf(
        HMAC_HASHES[sent.algorithm]!,
        credential?.proof ?? "unknown",
        text,
        sent.signature,
      );
      if (credential === undefined || !right) return WRONG;
      const life = lifeOf(credential, now);
      if (life !== "valid") return life === "expired" ? EXPIRED : EARLY;
      const { consumer, id } = credential;
      const confirm = digests && digestCheck(digests, max);
      const identity = { consumer, credential: id, hide, ...(confirm && { confirm }) };
      const used = guard?.use(sent.keyId, sent.signature);
      if (used === undefined) return identity;
      const settle = (late: Replay): Authentication =>
        late === "first" ? identity : late === "again" ? AGAIN : DOWN;
      return used instanceof Promise ? used.then(settle) : settle(used);
    };
    return {
      missing: "hmac_missing",
      hide: (x) => {
        if (hmacCredentials(x) !== undefined) hide(x);
      },
      challenge: `hmac realm="${realm}", headers="${covers.join(" ")} date"`,
      readsBody: true,
      authenticate(x) {
        const sent = hmacCredentials(x);
        if (sent === undefined) return undefined;
        if (sent === "malformed") return MALFORMED;
        if (!allowed.has(sent.algorithm))
          return new Denied("hmac_malformed", `the algorithm must be one of ${algorithms.join(", ")}`);
        return verify(x, sent);
      },
    };
  },
});

const hide = (x: Exchange): void => x.outgoing.fields.remove("authorization");

interface CoverRules {
  readonly covers: readonly string[];
  readonly bodyRequired: boolean;
}

/** What the signature must cover and does not. */
function lackOf(x: Exchange, { covered }: HmacCredentials, rules: CoverRules): Denied | undefined {
  const has = (wanted: string): boolean =>
    covered.includes(wanted) || (TARGETS.includes(wanted) && TARGETS.some((one) => covered.includes(one)));
  const lack = rules.covers.find((wanted) => !has(wanted));
  if (lack !== undefined) return new Denied("hmac_insufficient", `${lack} is not signed`);
  if (rules.bodyRequired && hasBody(x) && !has("digest") && !has("content-digest"))
    return new Denied("hmac_insufficient", "the body is not signed: neither digest nor content-digest");
  return undefined;
}

/** The digests that are signed; undefined for none. */
function digestsOf(
  { request }: Exchange,
  { covered }: HmacCredentials,
): readonly BodyDigest[] | "malformed" | undefined {
  const digests: BodyDigest[] = [];
  for (const [field, read] of [
    ["digest", oldDigests],
    ["content-digest", contentDigests],
  ] as const) {
    if (!covered.includes(field)) continue;
    const found = read(request.fields);
    if (found === undefined) return "malformed";
    digests.push(...found);
  }
  return digests.length === 0 ? undefined : digests;
}

function digestCheck(digests: readonly BodyDigest[], max: number): BodyCheck {
  return { max, check: (x) => (hasDigests(x, digests) ? undefined : DIGEST) };
}
