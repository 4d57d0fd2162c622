import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What a profile is of: processor time by function, or allocations by function. Neither holds any value of the program. */
export type ProfileKind = "cpu" | "heap";

/** Microseconds between two samples of the processor. */
const CPU_INTERVAL = 500;
/** Bytes between two samples of allocations, on average. */
const HEAP_INTERVAL = 32_768;

/**
 * Profiles the thread that calls it, while it goes on with its work. Gives the text of a `.cpuprofile` or `.heapprofile`,
 * as Chrome's and VS Code's tools read them. Rejects with the inspector's error, for instance where one is already under way.
 */
export async function profile(kind: ProfileKind, seconds: number): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    return JSON.stringify(await (kind === "cpu" ? cpu(session, seconds) : heap(session, seconds)));
  } finally {
    session.disconnect();
  }
}

async function cpu(session: Session, seconds: number): Promise<object> {
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: CPU_INTERVAL });
  await session.post("Profiler.start");
  await sleep(seconds * 1_000);
  return (await session.post("Profiler.stop")).profile;
}

async function heap(session: Session, seconds: number): Promise<object> {
  await session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_INTERVAL });
  await sleep(seconds * 1_000);
  return (await session.post("HeapProfiler.stopSampling")).profile;
}
