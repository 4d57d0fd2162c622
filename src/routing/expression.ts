import type { Environment } from "@marcbachmann/cel-js";
import type { RouteFacts } from "../pipeline/ports.ts";
import { CelClient, CelRequest, createEnvironment, summaryOf } from "./cel-environment.ts";
import { celClientCertificate, celTls } from "./cel-tls.ts";
import type { RequestView } from "./request-view.ts";

/** A CEL expression over a request: true, false, or why it could not be evaluated. */
export type Expression = (facts: RouteFacts, view: RequestView) => boolean | Error;

let environment: Environment | undefined;

function environmentOf(): Environment {
  if (environment !== undefined) return environment;
  environment = createEnvironment(CelRequest);
  return environment;
}

/** Compiles a CEL expression that must be a condition. Throws an Error that says what is wrong with it. */
export function compileExpression(text: string): Expression {
  const run = parsed(text);
  return (facts, view) => {
    try {
      const value: unknown = run({
        request: new CelRequest(facts, view),
        client: new CelClient(facts.clientAddress),
        tls: celTls(facts.tls),
        clientCertificate: celClientCertificate(facts.tls?.certificate),
        listener: facts.listener,
      });
      return value === true ? true : value === false ? false : new Error("it is neither true nor false");
    } catch (error) {
      return new Error(summaryOf(error));
    }
  };
}

function parsed(text: string): ReturnType<Environment["parse"]> {
  let made: ReturnType<Environment["parse"]>;
  try {
    made = environmentOf().parse(text);
  } catch (error) {
    throw new Error(`${JSON.stringify(text)} is not a CEL expression: ${summaryOf(error)}`);
  }
  const { valid, type, error } = made.check();
  if (!valid) throw new Error(`${JSON.stringify(text)} has an error: ${summaryOf(error)}`);
  if (type !== "bool" && type !== "dyn")
    throw new Error(`${JSON.stringify(text)} gives ${type}, not true or false`);
  return made;
}
