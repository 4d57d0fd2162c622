import type { Environment } from "@marcbachmann/cel-js";
import type { ReadonlyFields } from "../lib/fields.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { CelClient, CelRequest, createEnvironment, summaryOf, TEXTS } from "./cel-environment.ts";
import { celClientCertificate, celTls } from "./cel-tls.ts";
import { RequestView } from "./request-view.ts";

/** What an expression may give. */
export interface ExpressionResults {
  readonly bool: boolean;
  readonly string: string;
  readonly number: number;
}

/** A CEL expression over an exchange. Throws an Error where it cannot be evaluated: a claim that is not there, for instance. */
export type ExchangeExpression<T> = (x: Exchange, reply?: Reply) => T;

/** Types that an expression may have, by what is wanted of it; what is `dyn` is looked at when it is evaluated. */
const TYPES: Readonly<Record<keyof ExpressionResults, readonly string[]>> = {
  bool: ["bool", "dyn"],
  string: ["string", "dyn"],
  number: ["int", "uint", "double", "dyn"],
};

const CALLED: Readonly<Record<keyof ExpressionResults, string>> = {
  bool: "true or false",
  string: "a text",
  number: "a number",
};

/** `request` of an exchange has its id as well. */
class CelExchangeRequest extends CelRequest {
  readonly #x: Exchange;

  constructor(x: Exchange, view: RequestView) {
    super(x, view);
    this.#x = x;
  }

  get id(): string {
    return this.#x.id;
  }
}

/** `consumer`; without one its name is empty. */
class CelConsumer {
  readonly name: string;
  readonly groups: readonly string[];
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;

  constructor({ consumer }: Exchange) {
    this.name = consumer?.name ?? "";
    this.groups = consumer?.groups ?? [];
    this.tags = consumer?.tags ?? [];
    this.metadata = consumer?.metadata ?? {};
  }
}

class CelResponse {
  readonly #reply: Reply;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  get status(): bigint {
    return BigInt(this.#reply.status);
  }

  get headers(): ReadonlyMap<string, string> {
    return joined(this.#reply.fields);
  }
}

function joined(fields: ReadonlyFields): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of fields.entries()) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return values;
}

const environments = new Map<boolean, Environment>();

function environmentOf(withResponse: boolean): Environment {
  const known = environments.get(withResponse);
  if (known !== undefined) return known;
  const [list, any] = ["list<string>", "map<string, dyn>"];
  const request = CelExchangeRequest as unknown as typeof CelRequest;
  const made = createEnvironment(request, { id: "string", cookies: TEXTS })
    .registerType("Consumer", {
      ctor: CelConsumer,
      fields: { name: "string", groups: list, tags: list, metadata: any },
    })
    .registerVariable("consumer", "Consumer")
    .registerVariable("claims", any)
    .registerVariable("params", TEXTS)
    .registerVariable("credential", "string")
    .registerVariable("route", "string");
  if (withResponse)
    made
      .registerType("Response", { ctor: CelResponse, fields: { status: "int", headers: TEXTS } })
      .registerVariable("response", "Response");
  environments.set(withResponse, made);
  return made;
}

/** What an expression can ask for, for messages. */
export const EXPRESSION_VARIABLES =
  "request, client, tls, clientCertificate, consumer, claims, params, credential, listener and route";

/**
 * Compiles a CEL expression over request, client, tls, clientCertificate, consumer, claims, params, credential, listener and
 * route, and over response where it is asked of an answer. Numbers in claims and metadata are doubles. Throws an Error that says what is wrong with it.
 */
export function compileExchangeExpression<Wanted extends keyof ExpressionResults>(
  text: string,
  wants: Wanted,
  withResponse = false,
): ExchangeExpression<ExpressionResults[Wanted]> {
  const run = parsed(text, wants, withResponse);
  return (x, reply) => {
    let value: unknown;
    try {
      value = run({
        request: new CelExchangeRequest(x, new RequestView()),
        client: new CelClient(x.clientAddress),
        tls: celTls(x.tls),
        clientCertificate: celClientCertificate(x.clientCertificate),
        consumer: new CelConsumer(x),
        claims: x.claims ?? {},
        params: x.params,
        credential: x.credential ?? "",
        listener: x.listener,
        route: x.route.name,
        ...(reply && { response: new CelResponse(reply) }),
      });
    } catch (error) {
      throw new Error(`${JSON.stringify(text)}: ${withoutValues(summaryOf(error), text)}`);
    }
    return resultOf(value, wants, text);
  };
}

function resultOf<Wanted extends keyof ExpressionResults>(
  value: unknown,
  wants: Wanted,
  text: string,
): ExpressionResults[Wanted] {
  const plain =
    wants === "number" && (typeof value === "bigint" || isUnsigned(value)) ? Number(value) : value;
  const type = wants === "bool" ? "boolean" : wants;
  if (typeof plain === type) return plain as ExpressionResults[Wanted];
  throw new Error(`${JSON.stringify(text)} does not give ${CALLED[wants]}`);
}

/** What the library makes of `1u`. */
function isUnsigned(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof value.valueOf() === "bigint";
}

function parsed(text: string, wants: keyof ExpressionResults, withResponse: boolean) {
  let made: ReturnType<Environment["parse"]>;
  try {
    made = environmentOf(withResponse).parse(text);
  } catch (error) {
    throw new Error(`${JSON.stringify(text)} is not a CEL expression: ${summaryOf(error)}`);
  }
  const { valid, type, error } = made.check();
  if (!valid) throw new Error(`${JSON.stringify(text)} has an error: ${summaryOf(error)}`);
  if (!TYPES[wants].includes(type ?? "dyn"))
    throw new Error(`${JSON.stringify(text)} gives ${type}, not ${CALLED[wants]}`);
  return made;
}

/** The library tells values of the request, behind a colon; only what the expression itself says may stand in a log. */
function withoutValues(summary: string, text: string): string {
  const at = summary.indexOf(": ");
  return at === -1 || text.includes(summary.slice(at + 2)) ? summary : summary.slice(0, at);
}
