import assert from "node:assert/strict";
import { test } from "node:test";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { profile } from "./profile.ts";

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly startTime: number;
  readonly endTime: number;
}

interface HeapNode {
  readonly callFrame: { readonly functionName: string };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

function burnProcessor(): number {
  const until = performance.now() + 20;
  let sum = 0;
  while (performance.now() < until) sum += Math.sqrt(sum + 1);
  return sum;
}

/** The body of the worker thread: it works, and profiles itself meanwhile. */
async function work(): Promise<void> {
  const kept: unknown[] = [];
  const timer = setInterval(() => {
    kept.push(burnProcessor(), allocate());
    if (kept.length > 20) kept.length = 0;
  }, 25);
  for (const kind of ["cpu", "heap"] as const) parentPort!.postMessage(await profile(kind, 0.4));
  clearInterval(timer);
}

function allocate(): object[] {
  return Array.from({ length: 20_000 }, (_, i) => ({ i }));
}

function inMainThread(): void {
  test("a worker profiles itself while it works: what it spent its time on, and what it allocated", async () => {
    const texts: string[] = [];
    const thread = new Worker(new URL(import.meta.url));
    thread.on("message", (text: string) => texts.push(text));
    await new Promise((resolve, reject) => thread.on("exit", resolve).on("error", reject));
    const [cpu, heap] = texts.map((text) => JSON.parse(text)) as [CpuProfile, { head: HeapNode }];
    assert.ok(cpu.samples.length > 10);
    assert.ok(cpu.endTime > cpu.startTime);
    assert.ok(cpu.nodes.some(({ callFrame }) => callFrame.functionName === "burnProcessor"));
    assert.ok(names(heap.head).includes("allocate"));
  });

  test("one after the other can be made in one thread", async () => {
    for (let nth = 0; nth < 2; nth++) {
      const { nodes, startTime, endTime } = JSON.parse(await profile("cpu", 0.05)) as CpuProfile;
      assert.ok(nodes.length > 0 && endTime > startTime);
    }
  });
}

function names({ callFrame, children }: HeapNode): string[] {
  return [callFrame.functionName, ...children.flatMap(names)];
}

if (isMainThread) inMainThread();
else await work();
