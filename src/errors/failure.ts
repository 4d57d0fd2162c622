import type { BodyFailure } from "../lib/body.ts";

/** Something that went wrong, by its reason. It is a value, not an exception: it is returned and handed on. */
export class Failure implements BodyFailure {
  readonly code: string;
  /** What exactly, for the log and where it is harmless for the answer. */
  readonly detail: string | undefined;
  /** The exception or system error behind it, for the log only. */
  readonly cause: unknown;

  constructor(code: string, detail?: string, cause?: unknown) {
    this.code = code;
    this.detail = detail;
    this.cause = cause;
  }
}
