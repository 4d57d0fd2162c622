/** What the kernel says about a process and a core, from /proc (Linux only). */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { must } from "./failure.ts";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User plus system time that all threads of the process have used, in microseconds (resolution: one tick). */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before may hold spaces
  const ticks = Number(fields[11]) + Number(fields[12]);
  must(Number.isFinite(ticks), `/proc/${pid}/stat is not understood: ${stat}`);
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** What a core has done since the start of the machine, in microseconds. */
export interface CoreTimes {
  /** Time for which any program or the kernel used it. */
  readonly busy: number;
  /** Time that the hypervisor took away while it had work. */
  readonly stolen: number;
}

/** Times of the core until now. */
export function coreTimes(core: number): CoreTimes {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1];
  must(line !== undefined, `/proc/stat has no core ${core}`);
  const ticks = line.split(" ").map((text) => (Number(text) / TICKS_PER_SECOND) * 1e6);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = ticks;
  return { busy: user + nice + system + irq + softirq, stolen };
}

/** Memory of a process, in bytes. */
export interface Memory {
  /** Resident set, as `ps` shows it. */
  readonly resident: number;
  /** Pages that are this process's alone and written: what its end would give back. */
  readonly privateDirty: number;
}

/** Memory of the process now. */
export function memoryOf(pid: number): Memory {
  const kilobytes = (file: string, field: string): number => {
    const value = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(
      readFileSync(`/proc/${pid}/${file}`, "utf8"),
    )?.[1];
    must(value !== undefined, `/proc/${pid}/${file} has no ${field}`);
    return Number(value) * 1024;
  };
  return { resident: kilobytes("status", "VmRSS"), privateDirty: kilobytes("smaps_rollup", "Private_Dirty") };
}

/** The only child of a process: nginx's worker below its master. */
export function onlyChildOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean);
  must(children.length === 1, `process ${pid} has ${children.length} children where one was expected`);
  return Number(children[0]);
}
