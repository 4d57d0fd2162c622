import type { Fields, ReadonlyFields } from "../lib/fields.ts";

/** A question of the gateway's own to somebody outside. */
export interface CallRequest {
  /** Name of a service of the config, whose endpoints, TLS and timeouts hold; or an absolute http or https URL. */
  readonly to: { readonly service: string; readonly path: string } | { readonly url: string };
  /** Default: GET. */
  readonly method?: string;
  readonly fields?: Fields;
  /** Host to say, where it is not the endpoint's own. */
  readonly authority?: string;
  readonly body?: Uint8Array | string;
  /** Milliseconds that all of it may take. */
  readonly timeout: number;
  /** Bytes of the answer's body at most (default 1 MiB). */
  readonly max?: number;
}

/** An answer that is all here, whatever its status. Redirects are not followed. */
export interface CallReply {
  readonly status: number;
  readonly fields: ReadonlyFields;
  readonly body: Uint8Array;
  /** Trailers, where there are any: gRPC tells its status there. */
  readonly trailers: ReadonlyFields | undefined;
}

/** Why a call has no answer. `code` is a reason where one fits: "connect_failed", "call_timeout", "call_too_large". */
export class CallFailed extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CallFailed";
    this.code = code;
  }
}

/** Whether a call failed because this is a run in which nobody is asked: `explain`, a check. */
export function isDryCall(error: unknown): error is CallFailed {
  return error instanceof CallFailed && error.code === "call_dry";
}

/** Asks services and addresses outside, for what a policy must know. */
export interface Caller {
  /** Resolves with the answer; rejects with a CallFailed, or with what dry runs reject with. */
  call(request: CallRequest): Promise<CallReply>;
}
