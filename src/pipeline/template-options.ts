import { z } from "zod";
import { HOP_BY_HOP, Kind, kindOf } from "../lib/field-kinds.ts";
import { compileFieldTemplate } from "./template.ts";

/** Framing and what belongs to one connection: the wire writes these itself (RFC 9110 §7.6.1, RFC 9112 §6). */
const OF_THE_WIRE: number = HOP_BY_HOP | Kind.contentLength | Kind.trailer | Kind.expect | Kind.host;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Values by the names of fields that a config may change. */
export function fieldMap<T>(value: z.ZodType<T>): z.ZodType<Record<string, T>> {
  return z.record(z.string(), value).superRefine((map, context) => {
    for (const name of Object.keys(map)) {
      const message = fieldProblem(name);
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
  });
}

/** The name of a field that a config may change. */
export const editableField: z.ZodType<string> = z.string().superRefine((name, context) => {
  const message = fieldProblem(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

/** Why a config may not change a field of this name; undefined where it may. */
export function fieldProblem(name: string): string | undefined {
  if (!TOKEN.test(name)) return "not the name of a field";
  const lower = name.toLowerCase().replaceAll("_", "-");
  if (lower === "host") return "Host is not edited as a field; write rewrite: { host: … } on the route";
  if ((kindOf(lower) & OF_THE_WIRE) !== 0)
    return `${name} belongs to the connection or frames the message; the gateway writes it itself`;
  return undefined;
}

/** The value of a field, in which variables may stand: `${request.id}`. */
export const fieldTemplate: z.ZodType<string> = z.string().superRefine((text, context) => {
  try {
    compileFieldTemplate(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});
