import { z } from "zod";
import { HeldBody } from "../lib/body.ts";
import { Reply } from "../lib/reply.ts";
import { compileFieldEdits } from "../pipeline/edit-fields.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { compileTemplate, type Escape, textOf } from "../pipeline/template.ts";
import { fieldMap, fieldTemplate } from "../pipeline/template-options.ts";

const bodyTemplate = z.string().superRefine((text, context) => {
  try {
    compileTemplate(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

const options = z
  .strictObject({
    status: z.int().min(200).max(599).default(200).describe("Status of the answer (default 200)."),
    body: bodyTemplate
      .optional()
      .describe(
        "Text of the answer, with variables: ${request.path}; in HTML and XML their values are escaped. Default: none.",
      ),
    json: z
      .json()
      .optional()
      .describe("A JSON document instead of a body; variables may stand in its texts."),
    contentType: z
      .string()
      .regex(/^[\x21-\x7e][\x20-\x7e]*$/, "not a media type")
      .optional()
      .describe("Default: text/plain; charset=utf-8 for a body, application/json for json."),
    headers: fieldMap(fieldTemplate)
      .default({})
      .describe("Fields of the answer, by name; may hold variables."),
  })
  .superRefine(({ status, body, json }, context) => {
    const say = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (body !== undefined && json !== undefined) say("json", "excludes body; write one of them");
    if ((status === 204 || status === 304) && (body !== undefined || json !== undefined))
      say("status", `an answer with ${status} has no body`);
    try {
      if (json !== undefined) compileJson(json);
    } catch (error) {
      say("json", (error as Error).message);
    }
  });

/** Answers by itself: a fixed text or document, a page for maintenance, a health answer. */
export const respond: PolicyDefinition = definePolicy({
  name: "respond",
  // Behind authentication and limits: what a route answers is protected as what a service would.
  phase: "request",
  answers: true,
  options,
  compile({ status, body, json, contentType, headers }) {
    const type = contentType ?? (json === undefined ? "text/plain; charset=utf-8" : "application/json");
    const text = json === undefined ? compileBody(body ?? "", type) : compileJson(json);
    const edit = compileFieldEdits({ set: headers });
    const bodyless = body === undefined && json === undefined;
    const fixed = typeof text === "string" ? held(text) : undefined;
    return (x) => {
      const reply = new Reply(status);
      if (!bodyless) {
        reply.fields.put("content-type", type);
        reply.body = fixed ?? held((text as Render)(x));
      }
      edit?.(reply.fields, x);
      return reply;
    };
  },
});

type Render = (x: Exchange) => string;

/** A text of ASCII is written together with its head. */
function held(text: string): HeldBody {
  return /^[\x00-\x7f]*$/.test(text) ? new HeldBody(text) : HeldBody.fromText(text);
}

const MARKUP: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function compileBody(text: string, type: string): string | Render {
  const { constant, render } = compileTemplate(text, escapeFor(type.toLowerCase()));
  return constant ?? render;
}

/** How a value is made harmless in a text of this media type. */
function escapeFor(type: string): Escape {
  if (/html|xml|svg/.test(type))
    return (value, variable) => textOf(value, variable).replace(/[&<>"']/g, (found) => MARKUP[found]!);
  if (/json|javascript/.test(type))
    return (value, variable) => JSON.stringify(textOf(value, variable)).slice(1, -1);
  return textOf;
}

/** A document whose texts are templates. Throws a RangeError for one that is none. */
function compileJson(value: unknown): string | Render {
  if (typeof value === "string") {
    const { constant, render } = compileTemplate(value, textOf);
    return constant === undefined ? (x) => JSON.stringify(render(x)) : JSON.stringify(constant);
  }
  if (Array.isArray(value))
    return assembled(
      "[",
      value.map((one) => ["", compileJson(one)] as const),
      "]",
    );
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, one]) => [`${JSON.stringify(key)}:`, compileJson(one)] as const,
  );
  return assembled("{", members, "}");
}

function assembled(
  open: string,
  members: readonly (readonly [key: string, value: string | Render])[],
  close: string,
): string | Render {
  const fixed = members.every(([, value]) => typeof value === "string");
  const render: Render = (x) =>
    open +
    members.map(([key, value]) => key + (typeof value === "string" ? value : value(x))).join(",") +
    close;
  return fixed ? render(undefined as never) : render;
}
