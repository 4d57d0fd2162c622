import { z } from "zod";
import { HeldBody } from "../lib/body.ts";
import type { Reply } from "../lib/reply.ts";
import { compileFieldEdits } from "./edit-fields.ts";
import type { Exchange } from "./exchange.ts";
import { compileTemplate, type Escape, textOf } from "./template.ts";
import { fieldMap, fieldTemplate } from "./template-options.ts";

const bodyTemplate = z.string().superRefine((text, context) => {
  try {
    compileTemplate(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

/** How a policy's refusal is to look instead of a problem document. */
export interface CustomReply {
  readonly status?: number | undefined;
  readonly body?: string | undefined;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The options of a reply as they are written. */
export type CustomReplyInput = Partial<CustomReply>;

/** How a policy's refusal is to look, as options. */
export const customReply: z.ZodType<CustomReply, CustomReplyInput> = z.strictObject({
  status: z.int().min(400).max(599).optional().describe("Status of the answer (default: the reason's)."),
  body: bodyTemplate
    .optional()
    .describe("Text of the answer, with variables: ${request.path}; in JSON, HTML and XML they are escaped."),
  contentType: z
    .string()
    .regex(/^[\x21-\x7e][\x20-\x7e]*$/, "not a media type")
    .default("text/plain; charset=utf-8")
    .describe("Media type of the body (default text/plain; charset=utf-8)."),
  headers: fieldMap(fieldTemplate).default({}).describe("Further fields of the answer; may hold variables."),
}) as unknown as z.ZodType<CustomReply, CustomReplyInput>;

const MARKUP: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Compiles the options: what makes of a refusal what they say. Calls of gRPC are answered as gRPC demands. */
export function compileCustomReply(options: CustomReply | undefined): (x: Exchange, reply: Reply) => Reply {
  if (options === undefined) return (_x, reply) => reply;
  const { status, body, contentType, headers } = options;
  const template = body === undefined ? undefined : compileTemplate(body, escapeFor(contentType));
  const edit = compileFieldEdits({ set: headers });
  return (x, reply) => {
    if (x.grpc !== undefined) return reply;
    if (status !== undefined) reply.status = status;
    if (template !== undefined) {
      reply.body = HeldBody.fromText(template.render(x));
      reply.fields.set("content-type", contentType);
    }
    edit?.(reply.fields, x);
    return reply;
  };
}

function escapeFor(type: string): Escape {
  if (/html|xml|svg/i.test(type))
    return (value, variable) => textOf(value, variable).replace(/[&<>"']/g, (found) => MARKUP[found]!);
  if (/json|javascript/i.test(type))
    return (value, variable) => JSON.stringify(textOf(value, variable)).slice(1, -1);
  return textOf;
}
