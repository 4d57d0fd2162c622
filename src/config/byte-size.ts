import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** A size: a number of bytes, or a number with B, KB, MB, GB (powers of 1000), KiB, MiB or GiB; in bytes once read. */
export const byteSize: z.ZodType<number> = z
  .union([z.string(), z.int().min(0)], { error: "not a size; write a number of bytes, 10MB or 512KiB" })
  .transform((value, context) => {
    if (typeof value === "number") return value;
    const [, number, unit = ""] = /^([0-9]+(?:\.[0-9]+)?) ?([KMG]i?B|B)$/.exec(value) ?? [];
    if (number !== undefined) return Math.floor(Number(number) * UNITS[unit]!);
    context.addIssue({ code: "custom", message: "not a size; write a number of bytes, 10MB or 512KiB" });
    return z.NEVER;
  });
