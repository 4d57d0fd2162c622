import type { PolicyDefinition } from "../pipeline/policy.ts";

/** The shipped policies by name; only what a config names is loaded. */
export const SHIPPED: Readonly<Record<string, () => Promise<PolicyDefinition>>> = {};
