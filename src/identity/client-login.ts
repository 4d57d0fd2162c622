import { Fields } from "../lib/fields.ts";

/** How a client of an authorization server names itself (RFC 6749 §2.3.1). */
export interface ClientLogin {
  readonly clientId: string;
  readonly clientSecret: string;
  /** By the field Authorization, or by parameters. */
  readonly auth: "basic" | "post";
}

/** A form that a client sends: its fields and its body. */
export interface ClientForm {
  readonly fields: Fields;
  readonly body: string;
}

/** A form with the client's word on who it is. */
export function clientForm(
  { clientId, clientSecret, auth }: ClientLogin,
  form: Readonly<Record<string, string>>,
): ClientForm {
  const fields = Fields.from({
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  });
  const parameters = new URLSearchParams(form);
  if (auth === "basic") {
    const pair = `${encoded(clientId)}:${encoded(clientSecret)}`;
    fields.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
  } else {
    parameters.set("client_id", clientId);
    parameters.set("client_secret", clientSecret);
  }
  return { fields, body: parameters.toString() };
}

/** As in a form: both halves may have colons and more in them. */
function encoded(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}
