import type { Config } from "../config/schema.ts";
import { type Consumers, NO_CONSUMERS } from "../pipeline/consumer.ts";

/** The consumers of a config. */
export function consumersOf(_config: Config): Consumers {
  return NO_CONSUMERS;
}
