import type { Body } from "./body.ts";
import type { Fields } from "./fields.ts";

/** A request as it will be sent to a service. */
export class Outgoing {
  method: string;
  /** What `Host` will say; empty for the endpoint's own name. */
  authority: string;
  /** Begins with "/", or is "*". */
  path: string;
  /** With its "?", or empty. */
  query: string;
  readonly fields: Fields;
  body: Body | undefined;
  /** "websocket" when the answer may switch protocols. */
  upgrade: string | undefined;
  /** Ask the service for trailers. */
  takesTrailers: boolean;

  constructor(
    method: string,
    authority: string,
    path: string,
    query: string,
    fields: Fields,
    body: Body | undefined,
  ) {
    this.method = method;
    this.authority = authority;
    this.path = path;
    this.query = query;
    this.fields = fields;
    this.body = body;
    this.upgrade = undefined;
    this.takesTrailers = false;
  }

  /** A copy whose edits do not show in this one; the body is shared. */
  clone(): Outgoing {
    const copy = new Outgoing(
      this.method,
      this.authority,
      this.path,
      this.query,
      this.fields.clone(),
      this.body,
    );
    copy.upgrade = this.upgrade;
    copy.takesTrailers = this.takesTrailers;
    return copy;
  }
}
