import { createHmac } from "node:crypto";
import { type AttemptStep, definePolicy, type PolicyDefinition } from "torana";
import { z } from "zod";

/** What stands in `x-signature`. */
export function signatureOf(key: string, endpoint: string, number: number, target: string): string {
  return createHmac("sha256", key).update(`${endpoint} ${number} ${target}`).digest("hex");
}

/** Signs every try anew, later than at once, as a key service far away would. */
export const sign: PolicyDefinition = definePolicy({
  name: "sign",
  phase: "forward",
  options: z.strictObject({ key: z.string().min(8).describe("Secret of the signature.") }),
  compile({ key }) {
    const attempt: AttemptStep = async (_x, { number, endpoint, request }) => {
      await new Promise((done) => setImmediate(done));
      request.fields.set("x-signature", signatureOf(key, endpoint, number, request.path + request.query));
      request.fields.append("x-tries", String(number));
      request.fields.set(`x-try-${number}`, "1");
      request.fields.remove("x-unsigned");
    };
    return { attempt };
  },
});
