import type { Scenario } from "../lib/scenario.ts";
import { bodies } from "./bodies.ts";
import { h2 } from "./h2.ts";
import { handshakes } from "./handshakes.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { packaged } from "./package.ts";
import { peers } from "./peers.ts";
import { peersLogged } from "./peers-logged.ts";
import { reload } from "./reload.ts";
import { reloads } from "./reloads.ts";
import { restart } from "./restart.ts";
import { routes } from "./routes.ts";
import { secured } from "./secured.ts";
import { slowHeaders } from "./slow-headers.ts";
import { swaps } from "./swaps.ts";
import { takeover } from "./takeover.ts";
import { tls } from "./tls.ts";
import { workers } from "./workers.ts";

/** Every scenario, in the order of `all`. */
export const SCENARIOS: readonly Scenario[] = [
  peers,
  peersLogged,
  bodies,
  tls,
  secured,
  handshakes,
  h2,
  latency,
  idle,
  slowHeaders,
  restart,
  routes,
  workers,
  reload,
  reloads,
  swaps,
  takeover,
  packaged,
];
