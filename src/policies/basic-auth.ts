import { z } from "zod";
import { duration } from "../config/values.ts";
import { basicCredentials } from "../identity/basic-credentials.ts";
import { lifeOf } from "../identity/credential-life.ts";
import { PasswordCheck } from "../identity/password-check.ts";
import { realmOption } from "../identity/realm.ts";
import { type Authentication, Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Credential } from "../pipeline/consumer.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const MALFORMED = new Denied("basic_auth_malformed");
const WRONG = new Denied("basic_auth_wrong");
const EXPIRED = new Denied("basic_auth_expired");
const EARLY = new Denied("basic_auth_not_yet");
const BUSY = new Denied("basic_auth_busy");

const hide = (x: Exchange): void => x.outgoing.fields.remove("authorization");

/** Knows consumers by a user's name and password (RFC 7617). */
export const basicAuth: PolicyDefinition = defineAuthenticator({
  name: "basic-auth",
  options: z.strictObject({
    realm: realmOption,
    remember: duration
      .default(300_000)
      .describe(
        "How long a password that was right is not hashed again (default 5m; 0 for never); a user or hash that leaves the config is refused at once.",
      ),
  }),
  reasons: {
    basic_auth_missing: {
      status: 401,
      source: "downstream",
      title: "The request names no user and password.",
    },
    basic_auth_malformed: {
      status: 401,
      source: "downstream",
      title: "The Authorization field does not hold one user and password in UTF-8.",
    },
    basic_auth_wrong: { status: 401, source: "downstream", title: "User or password are wrong." },
    basic_auth_expired: { status: 401, source: "downstream", title: "The password has expired." },
    basic_auth_not_yet: { status: 401, source: "downstream", title: "The password is not valid yet." },
    basic_auth_busy: {
      status: 503,
      source: "gateway",
      title: "Too many passwords are being checked; try again.",
    },
  },
  compile({ realm, remember }, { clock, keep }) {
    const passwords = keep("basic-auth", () => new PasswordCheck());
    const found = ({ consumer, id, ...life }: Credential): Authentication => {
      const state = lifeOf({ consumer, id, ...life }, clock.wall());
      if (state !== "valid") return state === "expired" ? EXPIRED : EARLY;
      return { consumer, credential: id, hide };
    };
    return {
      missing: "basic_auth_missing",
      hide: (x) => {
        if (basicCredentials(x.request.fields) !== undefined) hide(x);
      },
      challenge: `Basic realm="${realm}", charset="UTF-8"`,
      authenticate(x) {
        const sent = basicCredentials(x.request.fields);
        if (sent === undefined) return undefined;
        if (sent === "malformed") return MALFORMED;
        const { consumers } = x.snapshot;
        const credential = consumers.find("basic", sent.user);
        const now = clock.now();
        if (credential === undefined)
          return (
            passwords.pretend(sent.user, sent.password, consumers.anyPassword?.proof)?.then(() => WRONG) ??
            BUSY
          );
        if (passwords.remembers(sent.password, credential.proof, now, remember)) return found(credential);
        const checked = passwords.check(sent.password, credential.proof, now);
        return checked?.then((right) => (right ? found(credential) : WRONG)) ?? BUSY;
      },
    };
  },
});
