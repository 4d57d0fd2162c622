import { describeLimitStore } from "../../test/support/limit-store-suite.ts";
import { createLimitMemory } from "./limit-memory.ts";
import { LocalStore } from "./local-store.ts";
import { PARTS } from "./sliding-bound.ts";

describeLimitStore(
  "local",
  () => {
    let time = 1_750_000_000_000;
    const clock = { now: () => time, wall: () => time };
    const memory = createLimitMemory({ entries: 4_096, workers: 2, clock });
    return {
      store: new LocalStore(memory, 0, clock),
      other: new LocalStore(memory, 1, clock),
      now: () => time,
      pass: (milliseconds) => {
        time += milliseconds;
      },
    };
  },
  { clock: 0.01, part: 1 / PARTS, rounds: 60 },
);
