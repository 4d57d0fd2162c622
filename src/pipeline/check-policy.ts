import type { ReasonSource } from "../errors/reasons.ts";
import { PHASES } from "./phases.ts";
import type { PolicyDefinition } from "./policy.ts";

const SOURCES: readonly ReasonSource[] = ["downstream", "gateway", "upstream"];

/**
 * Checks what types would refuse: a user's file is run with its types stripped, and a policy of a misspelt phase would
 * never run. Throws a RangeError.
 */
export function checkDefinition({ name, phase, options, reasons, compile }: PolicyDefinition): void {
  if (typeof name !== "string" || !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name))
    throw new RangeError(`a policy's name is lower case words joined by "-", not ${JSON.stringify(name)}`);
  if (!PHASES.includes(phase))
    throw new RangeError(
      `the phase of ${name} is one of ${PHASES.join(", ")}, not ${JSON.stringify(phase) ?? "nothing"}`,
    );
  if (typeof options?.safeParse !== "function")
    throw new RangeError(`the options of ${name} are a schema: z.strictObject({ … })`);
  if (typeof compile !== "function") throw new RangeError(`${name} has no function compile`);
  for (const [code, spec] of Object.entries(reasons ?? {})) {
    if (!/^[a-z][a-z0-9_]*$/.test(code))
      throw new RangeError(`a reason is snake_case, not ${JSON.stringify(code)}`);
    if (typeof spec.title !== "string") throw new RangeError(`the reason ${code} has no title`);
    if (!Number.isInteger(spec.status) || spec.status < 400 || spec.status > 599)
      throw new RangeError(`the status of the reason ${code} is from 400 to 599, not ${spec.status}`);
    if (spec.grpc !== undefined && !(Number.isInteger(spec.grpc) && spec.grpc >= 1 && spec.grpc <= 16))
      throw new RangeError(`the gRPC status of the reason ${code} is from 1 to 16, not ${spec.grpc}`);
    if (!SOURCES.includes(spec.source))
      throw new RangeError(`the source of the reason ${code} is one of ${SOURCES.join(", ")}`);
  }
}
