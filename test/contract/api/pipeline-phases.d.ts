export declare const PHASES: readonly ["receive", "authenticate", "authorize", "limit", "request", "cache", "forward"];
export type Phase = (typeof PHASES)[number];
