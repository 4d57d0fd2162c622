/** The phases a policy can stand in, in the order in which they run; the numbers are those of `handle.ts`. */
export const PHASES = [
  "receive", // 2: before anybody is asked who they are
  "authenticate", // 3: who is it
  "authorize", // 4: may it
  "limit", // 5: how often; after identity, so that limits can be per consumer
  "request", // 6: what the service gets to see
  "cache", // 7: the answer may be known already
  "forward", // 8: for policies that act on attempts, failures and answers only
] as const;

export type Phase = (typeof PHASES)[number];
