import type { PeerName, StartPeer } from "../lib/peer.ts";
import { startHaproxy } from "./haproxy.ts";
import { startNginx, startNginxStreaming } from "./nginx.ts";
import { startTorana } from "./torana.ts";

/** How each proxy is started. */
export const PEERS: Readonly<Record<PeerName, StartPeer>> = {
  torana: startTorana,
  nginx: startNginx,
  haproxy: startHaproxy,
  "nginx-streaming": startNginxStreaming,
};
