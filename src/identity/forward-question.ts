import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import type { CallRequest } from "../pipeline/calls.ts";
import type { Exchange } from "../pipeline/exchange.ts";

/** How a request is told to an authorization service. */
export type ForwardConvention = "x-forwarded" | "x-original" | "both";

/** What is told of requests, and to whom. */
export interface ForwardQuestion {
  readonly to: CallRequest["to"];
  readonly method: string;
  readonly timeout: number;
  readonly convention: ForwardConvention;
  /** Names of the client's fields that are sent. */
  readonly headers: readonly string[];
  /** The body is sent as well. */
  readonly body: boolean;
}

/** Makes what asks about a request. */
export function compileQuestion(question: ForwardQuestion): (x: Exchange) => CallRequest {
  const { to, method, timeout, convention, headers, body } = question;
  const names = headers.map((name) => name.toLowerCase());
  return (x) => {
    const fields = new Fields();
    for (const name of names) for (const value of x.request.fields.all(name)) fields.append(name, value);
    tell(fields, x, convention);
    const request = { to, method, fields, timeout };
    const held = x.outgoing.body;
    if (!body || !(held instanceof HeldBody)) return request;
    const type = x.request.field("content-type");
    if (type !== undefined) fields.set("content-type", type);
    return { ...request, body: held.bytes() };
  };
}

/** What the gateway itself says of a request; a client's own words on it are overwritten. */
function tell(fields: Fields, x: Exchange, convention: ForwardConvention): void {
  const { method, scheme, authority, path, query } = x.request;
  const target = path + query;
  fields.set("x-request-id", x.id);
  // Peers that are trusted have said whom they speak for.
  const chain = x.outgoing.fields.get("x-forwarded-for") ?? x.clientAddress;
  if (chain !== "") fields.set("x-forwarded-for", chain);
  if (convention !== "x-original") {
    fields.set("x-forwarded-method", method);
    fields.set("x-forwarded-proto", scheme);
    fields.set("x-forwarded-host", authority);
    fields.set("x-forwarded-uri", target);
  }
  if (convention === "x-forwarded") return;
  fields.set("x-original-method", method);
  fields.set("x-original-uri", target);
  fields.set("x-original-url", `${scheme}://${authority}${target}`);
  if (x.clientAddress !== "") fields.set("x-real-ip", x.clientAddress);
}
