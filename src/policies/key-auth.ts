import { z } from "zod";
import { lifeOf } from "../identity/credential-life.ts";
import { realmOption } from "../identity/realm.ts";
import {
  compilePlaces,
  hideTokens,
  type TokenPlace,
  type TokenPlaceConfig,
  tokenPlaces,
} from "../identity/token-place.ts";
import { KEY_TEXT } from "../lib/api-key.ts";
import { Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const MALFORMED = new Denied("key_malformed");
const UNKNOWN = new Denied("key_unknown");
const EXPIRED = new Denied("key_expired");
const EARLY = new Denied("key_not_yet");

/** Knows consumers by an API key that requests carry. */
export const keyAuth: PolicyDefinition = defineAuthenticator({
  name: "key-auth",
  options: z.strictObject({
    from: tokenPlaces
      .default([{ header: "x-api-key" }])
      .describe(
        "Where the key stands, in the order in which is looked: { header: x-api-key }, { header: authorization, scheme: Bearer }, { query: key }, { cookie: key } (default: header x-api-key).",
      ),
    realm: realmOption,
  }),
  reasons: {
    key_missing: { status: 401, source: "downstream", title: "The request carries no API key." },
    key_malformed: {
      status: 401,
      source: "downstream",
      title: "What stands in the API key's place is not one key.",
    },
    key_unknown: { status: 401, source: "downstream", title: "The API key is not known." },
    key_expired: { status: 401, source: "downstream", title: "The API key has expired." },
    key_not_yet: { status: 401, source: "downstream", title: "The API key is not valid yet." },
  },
  compile({ from, realm }, { clock }) {
    const places = compilePlaces(from);
    // A key that stands elsewhere too must not reach the service either.
    const hide = (x: Exchange): void => {
      if (places.length === 1) places[0]!.hide(x);
      else for (const place of places) if (place.read(x) !== undefined) place.hide(x);
    };
    return {
      missing: "key_missing",
      hide: (x) => hideTokens(places, x),
      challenge: `${schemeOf(from[0]!)} realm="${realm}"`,
      authenticate(x) {
        const key = firstOf(places, x);
        if (key === undefined) return undefined;
        const credential = x.snapshot.consumers.findKey(key);
        if (credential === undefined) return KEY_TEXT.test(key) ? UNKNOWN : MALFORMED;
        const { notBefore, expires } = credential;
        // Most keys hold for ever: no need to look at the clock.
        if (expires !== Number.POSITIVE_INFINITY || notBefore > 0) {
          const life = lifeOf(credential, clock.wall());
          if (life !== "valid") return life === "expired" ? EXPIRED : EARLY;
        }
        return { consumer: credential.consumer, credential: credential.id, hide };
      },
    };
  },
});

function firstOf(places: readonly TokenPlace[], x: Exchange): string | undefined {
  for (const place of places) {
    const key = place.read(x);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The scheme of the challenge: where no scheme is written before the key there is none in the registry. */
function schemeOf(place: TokenPlaceConfig): string {
  if (!("header" in place)) return "ApiKey";
  return place.scheme ?? (place.header.toLowerCase() === "authorization" ? "Bearer" : "ApiKey");
}
