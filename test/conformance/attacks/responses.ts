/** The whole table of response attacks. */
import { responseBodyFamilies } from "./response-bodies.ts";
import { responseExchangeFamilies } from "./response-exchanges.ts";
import { responseFramingFamilies } from "./response-framing.ts";
import { responseHeadFamilies } from "./response-heads.ts";
import { interimFamilies } from "./response-interim.ts";
import type { ResponseFamily } from "./response-table.ts";

/** Families of lies by services, each with its rule. */
export const responseFamilies: readonly ResponseFamily[] = [
  ...responseFramingFamilies,
  ...responseHeadFamilies,
  ...responseBodyFamilies,
  ...interimFamilies,
  ...responseExchangeFamilies,
];
