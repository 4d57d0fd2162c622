import type { Scenario } from "../lib/scenario.ts";
import { bodies } from "./bodies.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { peers } from "./peers.ts";
import { reload } from "./reload.ts";
import { restart } from "./restart.ts";
import { slowHeaders } from "./slow-headers.ts";

/** Every scenario, in the order of `all`. */
export const SCENARIOS: readonly Scenario[] = [peers, bodies, latency, idle, slowHeaders, restart, reload];
