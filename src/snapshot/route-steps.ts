import type { WebSocketConfig } from "../config/route-options.ts";
import type { RouteConfig } from "../config/route-schema.ts";
import { originSet } from "../lib/origins.ts";
import type { Phase } from "../pipeline/phases.ts";
import type { TunnelLimits } from "../pipeline/tunnel-guard.ts";
import { compileRewrite } from "../routing/rewrite.ts";
import type { CompiledPolicy } from "./compile-policies.ts";
import { extensionsOf, messageLimitsOf } from "./message-limits.ts";

const NONE: readonly never[] = Object.freeze([]);

/** What the gateway itself does on a route, by the route's own options; each stands before the policies of its phase. */
export function ownSteps(written: RouteConfig): readonly CompiledPolicy[] {
  const { rewrite, websocket, buffer } = written;
  if (rewrite === undefined && websocket === undefined && buffer === undefined) return NONE;
  return [...websocketSteps(written), ...rewriteSteps(written), ...bufferSteps(written)];
}

/** Rewriting is the first thing in its phase: what it looks at is the path that was matched, and policies may change what it made. */
function rewriteSteps({ rewrite }: RouteConfig): readonly CompiledPolicy[] {
  return rewrite === undefined ? NONE : [builtIn("rewrite", "request", { request: compileRewrite(rewrite) })];
}

/**
 * A browser lets every page open WebSockets to anywhere, with the user's cookies, and tells where the page came from:
 * the server is who must look (RFC 6455 §10.2).
 */
function websocketSteps({ websocket }: RouteConfig): readonly CompiledPolicy[] {
  if (websocket === undefined) return NONE;
  return [...originSteps(websocket), ...extensionSteps(websocket)];
}

function originSteps({ origins }: WebSocketConfig): readonly CompiledPolicy[] {
  if (origins.length === 0) return NONE;
  const allows = originSet(origins);
  return [
    builtIn("websocket", "receive", {
      request: (x) => {
        if (x.request.upgrade !== "websocket") return undefined;
        const origin = x.request.field("origin");
        return origin === undefined || allows(origin) ? undefined : x.reject("websocket_origin");
      },
    }),
  ];
}

/** What would change the meaning of frames that the gateway looks at is not agreed on. */
function extensionSteps(websocket: WebSocketConfig): readonly CompiledPolicy[] {
  const kept = extensionsOf(websocket);
  if (kept === "all") return NONE;
  return [
    builtIn("websocket", "receive", {
      request: (x) => {
        if (x.request.upgrade !== "websocket") return undefined;
        const { fields } = x.outgoing;
        const offers = fields.get("sec-websocket-extensions");
        if (offers === undefined) return undefined;
        const left = kept === "none" ? "" : compressionIn(offers);
        if (left === "") fields.remove("sec-websocket-extensions");
        else fields.set("sec-websocket-extensions", left);
        return undefined;
      },
    }),
  ];
}

/** Of offered extensions (RFC 6455 §9.1) those of permessage-deflate. */
function compressionIn(offers: string): string {
  const all = offers.split(",").map((offer) => offer.trim());
  return all.filter((offer) => /^permessage-deflate\s*(?:;|$)/i.test(offer)).join(", ");
}

/** Bodies are held last of all: nobody's body is waited for who is refused anyway. */
function bufferSteps({ buffer }: RouteConfig): readonly CompiledPolicy[] {
  const { request = 0, response = 0 } = buffer ?? {};
  return [
    ...(request > 0 ? [builtIn("buffer", "forward", { body: { request: "buffer", max: request } })] : NONE),
    ...(response > 0
      ? [builtIn("buffer", "forward", { body: { response: "buffer", max: response } })]
      : NONE),
  ];
}

/** What bounds the tunnels of a route; undefined where nothing does. */
export function tunnelLimitsOf({ websocket }: RouteConfig): TunnelLimits | undefined {
  if (websocket === undefined) return undefined;
  const { idleTimeout: idle, maxLifetime: lifetime, grace } = websocket;
  const messages = messageLimitsOf(websocket);
  const none = idle === 0 && lifetime === 0 && grace === 0 && messages === undefined;
  return none ? undefined : Object.freeze({ idle, lifetime, grace, messages });
}

/** Steps of the gateway's own, as a policy that nobody wrote. */
export function builtIn(name: string, phase: Phase, steps: CompiledPolicy["steps"]): CompiledPolicy {
  return {
    name,
    entry: {},
    options: undefined,
    definition: { name, phase, options: undefined as never, compile: () => ({}) },
    steps,
    slots: [],
    held: [],
    needs: [],
    inner: [],
  };
}
