import { Budget } from "./budget.ts";

/** Frames that ask something of us and give nothing: so many at once, and so many a second. */
const CONTROLS = 1_000;
const CONTROLS_PER_SECOND = 250;

/**
 * What a header block or a DATA frame of ours gives back, since its receiver answers with WINDOW_UPDATE and, to measure the
 * way, with PING; small pieces that a window cut off give nothing.
 */
const CREDIT_PER_FRAME = 4;
const CREDIT_FROM = 1_024;

/** Octets of answers to such frames that a peer who does not read may make us keep. */
const ANSWERS_MAX = 32_768;

/** The frames of a peer that only control, or that carry nothing; a flood of them ends the connection. */
export class ControlBudget extends Budget {
  constructor() {
    super(CONTROLS, CONTROLS_PER_SECOND);
  }

  /** Whether the peer may send one more that costs so much, while so many octets of answers wait for it. */
  allows(cost: number, answers: number): boolean {
    return this.take(cost) && answers < ANSWERS_MAX;
  }

  /** A header block of ours was written. */
  wroteHeaders(): void {
    this.give(CREDIT_PER_FRAME);
  }

  /** A DATA frame with so many octets was written; `whole`: it ends a piece of its source. */
  wroteData(octets: number, whole: boolean): void {
    if (whole || octets >= CREDIT_FROM) this.give(CREDIT_PER_FRAME);
  }
}
