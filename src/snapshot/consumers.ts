import type { Config } from "../config/schema.ts";
import { consumersIn } from "../identity/consumers.ts";
import { type Consumers, NO_CONSUMERS } from "../pipeline/consumer.ts";

/** The consumers of a config. */
export function consumersOf({ consumers }: Config): Consumers {
  return consumers === undefined ? NO_CONSUMERS : consumersIn(consumers.memory);
}
