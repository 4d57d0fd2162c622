import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { requestId as uuid } from "../lib/request-id.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { giveId, isSafeId } from "../pipeline/receive.ts";
import { editableField } from "../pipeline/template-options.ts";

/** Decides the id of each exchange: whose word on it counts, how it looks, and who is told. */
export const requestId: PolicyDefinition = definePolicy({
  name: "request-id",
  phase: "receive",
  options: z.strictObject({
    header: editableField
      .default("x-request-id")
      .describe(
        "Field that carries the id: in, to the service, and back (default x-request-id). The service gets x-request-id with the same id as well.",
      ),
    accept: z
      .enum(["trusted", "anyone", "never"])
      .default("trusted")
      .describe(
        "Whose id is taken over: that of trusted proxies (default), anyone's, or nobody's. Up to 128 letters, digits and ._~:+/=@- count as an id.",
      ),
    format: z
      .enum(["uuid", "uuid7", "hex"])
      .default("uuid")
      .describe("How a new id looks: uuid (default); uuid7, which sorts by time; hex, 32 digits."),
    respond: z
      .boolean()
      .default(true)
      .describe("The answer carries the id, in the same field (default true)."),
  }),
  compile({ header, accept, format, respond }, env) {
    const name = header.toLowerCase();
    const make = maker(format, env.clock);
    const decide = ({ request, downstream: { peer } }: Exchange): string => {
      const given =
        accept === "anyone" || (accept === "trusted" && peer.trusted) ? request.field(name) : undefined;
      return given !== undefined && isSafeId(given) ? given : make();
    };
    return {
      request: (x) => {
        // A request of the gateway's own goes by the name of the one that caused it.
        if (x.depth === 0) giveId(x, decide(x));
        if (name !== "x-request-id") x.outgoing.fields.set(name, x.id);
      },
      ...(respond && {
        response: (x, { fields }) => {
          fields.remove(name);
          fields.put(name, x.id);
        },
      }),
    };
  },
});

function maker(format: "uuid" | "uuid7" | "hex", clock: Clock): () => string {
  if (format === "uuid") return uuid;
  if (format === "hex") return () => uuid().replaceAll("-", "");
  // RFC 9562 §5.7: 48 bits of milliseconds, then the version; what makes it unique stands behind.
  return () => {
    const time = clock.wall().toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid().slice(15)}`;
  };
}
