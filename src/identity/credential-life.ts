import type { Credential } from "../pipeline/consumer.ts";

/** Where a credential stands in its life at a moment (milliseconds since 1970). */
export function lifeOf({ notBefore, expires }: Credential, now: number): "valid" | "early" | "expired" {
  if (now >= expires) return "expired";
  return now < notBefore ? "early" : "valid";
}
