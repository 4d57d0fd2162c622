import { z } from "zod";
import { networks } from "../config/values.ts";
import { networkSet } from "../lib/ip.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** Lets clients in by their address. */
export const ipAllow: PolicyDefinition = definePolicy({
  name: "ip-allow",
  // It says who may, so it stands with all that do. In receive it would refuse CORS preflights, and a browser could
  // not read why.
  phase: "authorize",
  options: z
    .strictObject({
      allow: networks
        .optional()
        .describe("Addresses and networks that may ask: 10.0.0.0/8, 2001:db8::/32 (default: all)."),
      deny: networks
        .default([])
        .describe(
          "Addresses and networks that may not ask, even where they are allowed as well (default: none).",
        ),
    })
    .superRefine(({ allow, deny }, context) => {
      if (allow === undefined && deny.length === 0)
        context.addIssue({ code: "custom", message: "lets everybody in; write allow, deny or both" });
    }),
  reasons: {
    ip_denied: { status: 403, source: "downstream", title: "Clients of this address may not ask here." },
  },
  compile({ allow, deny }) {
    const allowed = allow === undefined ? undefined : networkSet(allow);
    const denied = networkSet(deny);
    const known = networkSet(["0.0.0.0/0", "::/0"]);
    const mayAsk = (address: string): boolean => {
      // A trusted proxy may write anything as the client's address: what is none must not slip past a list of denied
      // ones. A client on a Unix socket has none; it is let in unless only some are.
      if (!known(address)) return address === "" && allowed === undefined;
      return !denied(address) && (allowed === undefined || allowed(address));
    };
    return (x) => (mayAsk(x.clientAddress) ? undefined : x.reject("ip_denied"));
  },
});
