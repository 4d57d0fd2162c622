import { z } from "zod";
import { compileFieldEdits } from "../pipeline/edit-fields.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { editableField, fieldMap, fieldProblem, fieldTemplate } from "../pipeline/template-options.ts";

const removedName = z.string().superRefine((name, context) => {
  const message = /^[^*]+\*$/.test(name) ? fieldProblem(name.slice(0, -1)) : fieldProblem(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
  if (name === "*")
    context.addIssue({ code: "custom", message: "not the name of a field; write x-internal-*" });
});

/** @param keeps a field that may go, but not be given another value; and what to write instead */
const edits = (keeps: readonly string[] = []) =>
  z
    .strictObject({
      remove: z
        .array(removedName)
        .optional()
        .describe("Fields that are taken out, first of all; x-internal-* stands for all that begin so."),
      rename: fieldMap(editableField)
        .optional()
        .describe(
          "New names by old ones: a field that is there moves, in place of one that has the new name.",
        ),
      set: fieldMap(fieldTemplate)
        .optional()
        .describe(
          "Values by name, in place of those that are there; may hold variables: ${request.id}, ${client.address}, ${request.header.NAME}, ${param.NAME}. One that comes out empty only removes.",
        ),
      add: fieldMap(z.union([fieldTemplate, z.array(fieldTemplate)]))
        .optional()
        .describe("A value or a list of them by name, beside those that are there; may hold variables."),
    })
    .superRefine(({ set, add, rename }, context) => {
      const written = {
        set: Object.keys(set ?? {}),
        add: Object.keys(add ?? {}),
        rename: Object.values(rename ?? {}),
      };
      for (const [key, names] of Object.entries(written))
        for (const name of names)
          if (keeps.includes(name.toLowerCase()))
            context.addIssue({
              code: "custom",
              path: [key],
              message: `${name} is the id of the exchange; the policy request-id decides it`,
            });
    });

/** Edits the fields of requests and answers. */
export const headers: PolicyDefinition = definePolicy({
  name: "headers",
  phase: "request",
  options: z.strictObject({
    request: edits(["x-request-id"])
      .optional()
      .describe("Edits of the request that the service will see, once for all tries."),
    attempt: edits(["x-request-id"])
      .optional()
      .describe(
        "Edits of each try, when service and endpoint are known: what a service's policy, or one of a split's share, can change of a request.",
      ),
    response: edits().optional().describe("Edits of the answer, the gateway's own answers too."),
  }),
  compile({ request, attempt, response }) {
    const onRequest = compileFieldEdits(request);
    const onAttempt = compileFieldEdits(attempt);
    const onResponse = compileFieldEdits(response);
    return {
      ...(onRequest && { request: (x) => onRequest(x.outgoing.fields, x) }),
      ...(onAttempt && { attempt: (x, { request: sent }) => onAttempt(sent.fields, x) }),
      ...(onResponse && { response: (x, reply) => onResponse(reply.fields, x) }),
    };
  },
});
