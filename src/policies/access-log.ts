import { z } from "zod";
import { duration } from "../config/values.ts";
import { systemClock } from "../lib/clock.ts";
import type { Outcome } from "../pipeline/exchange.ts";
import { LOG_FIELDS } from "../pipeline/log-fields.ts";
import { compileJsonLine, compileTextLine, mayBeLogged } from "../pipeline/log-line.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const NAMES = Object.keys(LOG_FIELDS);

const USUAL = [
  ...["time", "id", "client", "method", "host", "path", "status", "bytes", "duration", "gateway"],
  ...["upstream", "route", "service", "endpoint", "attempts", "reason", "userAgent"],
];

const headerName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "not the name of a field")
  .refine(mayBeLogged, { message: "holds secrets; no log may carry it" });

const template = z.string().superRefine((text, context) => {
  try {
    compileTextLine(text, systemClock);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

const statusCondition = z.union([z.int().min(100).max(599), z.enum(["1xx", "2xx", "3xx", "4xx", "5xx"])], {
  error: "not a status; write 404 or 4xx",
});

const described = NAMES.map((name) => `${name} (${LOG_FIELDS[name]!.tells})`).join("; ");

const options = z
  .strictObject({
    to: z
      .string()
      .min(1)
      .default("stdout")
      .describe(
        "stdout (default), stderr, or the path of a file, which is added to and opened anew when the process gets SIGUSR1.",
      ),
    fields: z
      .array(z.enum(NAMES, { error: `not known; write some of ${NAMES.join(", ")}` }))
      .min(1)
      .optional()
      .describe(`What a line of JSON tells: ${described}. Default: ${USUAL.join(", ")}.`),
    request: z
      .array(headerName)
      .default([])
      .describe("Request fields that a line of JSON tells as well (default: none)."),
    response: z
      .array(headerName)
      .default([])
      .describe("Answer fields that a line of JSON tells as well (default: none)."),
    template: template
      .optional()
      .describe(
        "A line of text instead of JSON: ${client} ${method} ${path} ${status} ${request.header.referer}; what is not known is -.",
      ),
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe("Share of exchanges that are logged, from 0 to 1 (default 1); failures are logged always."),
    when: z
      .strictObject({
        status: z.array(statusCondition).min(1).optional().describe("The status is one of these: 404, 5xx."),
        slower: duration.optional().describe("It took at least as long: 500ms."),
      })
      .refine(({ status, slower }) => status !== undefined || slower !== undefined, {
        message: "holds no condition; write status, slower or both",
      })
      .optional()
      .describe("Only exchanges are logged for which one of these holds (default: all)."),
  })
  .superRefine((written, context) => {
    if (written.template === undefined) return;
    const { request, response, fields } = written;
    if (request.length > 0 || response.length > 0 || fields !== undefined)
      context.addIssue({
        code: "custom",
        path: ["template"],
        message: "excludes fields, request and response; name in it what it tells",
      });
  });

/** Writes a line for each exchange that is over, also for requests that the wire refused. */
export const accessLog: PolicyDefinition = definePolicy({
  name: "access-log",
  phase: "forward",
  options,
  compile({ to, sample, when, ...written }, env) {
    const lines = env.lines(to);
    const line =
      written.template === undefined
        ? compileJsonLine({ ...written, fields: written.fields ?? USUAL }, env.clock)
        : compileTextLine(written.template, env.clock);
    const holds = condition(when);
    return {
      log: (x) => {
        // What the gateway asks in a client's name is told with that client's exchange.
        if (x.depth > 0) return;
        const outcome = x.outcome!;
        if (!holds(outcome)) return;
        if (sample < 1 && !failed(outcome) && env.random() >= sample) return;
        lines.write(line(x));
      },
    };
  },
});

function failed({ status, complete, reason }: Outcome): boolean {
  return status >= 500 || (!complete && reason !== "client_left");
}

function condition(when: z.output<typeof options>["when"]): (outcome: Outcome) => boolean {
  if (when === undefined) return () => true;
  const { status = [], slower = Number.POSITIVE_INFINITY } = when;
  const exact = new Set(status.filter((one) => typeof one === "number"));
  const classes = new Set(status.filter((one) => typeof one === "string").map((one) => Number(one[0])));
  return (outcome) =>
    outcome.duration >= slower || exact.has(outcome.status) || classes.has(Math.floor(outcome.status / 100));
}
