import { must } from "./failure.ts";
import type { Account } from "./restart-client.ts";

/** A POST that was on its way when the endpoint died: it may have arrived, so nobody can know and repeat it. */
export const DOUBT_MS = 250;

/** Why a request may have failed: the first two are the endpoint's death itself, the third is the proxy's fault. */
export type Cause = "begun" | "in doubt" | "other";

/** What is known besides what the clients saw. */
export interface Evidence {
  /** What the killed endpoint noted in all its lives: lines "begun ID" and "answered ID". */
  readonly log: string;
  /** What the other endpoint noted. */
  readonly otherLog: string;
  /** Date.now() at each kill. */
  readonly kills: readonly number[];
  /** The x-endpoint of the one that was killed and restarted. */
  readonly restarted: string;
}

/** Every failure with its cause, and the sums. */
export interface Settled {
  readonly requests: number;
  readonly failures: readonly (Account & { readonly cause: Cause })[];
  /** Requests that the killed endpoint had begun and never answered. */
  readonly begunAndLost: number;
  readonly answeredByRestarted: number;
  /** POSTs that an endpoint had begun and that were nevertheless sent again: work done twice. */
  readonly repeatedPosts: readonly string[];
  readonly kills: readonly number[];
}

/** Finds the cause of each failure. */
export function settleAccounts(
  accounts: readonly Account[],
  { log, otherLog, kills, restarted }: Evidence,
): Settled {
  must(accounts.length > 0, "no request was sent");
  const lost = begunAndLost(log);
  const causeOf = ({ id, method, started, ended }: Account): Cause => {
    if (lost.has(id)) return "begun";
    const underWay = kills.some((kill) => started <= kill + DOUBT_MS && ended >= kill);
    return method === "POST" && underWay ? "in doubt" : "other";
  };
  const posts = new Set(accounts.filter(({ method }) => method === "POST").map(({ id }) => id));
  const begun = [...begunIn(log), ...begunIn(otherLog)].filter((id) => posts.has(id));
  const failed = accounts.filter(({ failure }) => failure !== undefined);
  return {
    requests: accounts.length,
    failures: failed.map((one) => ({ ...one, cause: causeOf(one) })),
    begunAndLost: lost.size,
    answeredByRestarted: accounts.filter(({ endpoint }) => endpoint === restarted).length,
    repeatedPosts: begun.filter((id, index) => begun.indexOf(id) < index),
    kills,
  };
}

function begunIn(log: string): string[] {
  return [...log.matchAll(/^begun (\S+)$/gm)].map(([, id = ""]) => id);
}

function begunAndLost(log: string): Set<string> {
  const open = new Set<string>();
  for (const line of log.split("\n").filter(Boolean)) {
    const [what, id = ""] = line.split(" ");
    if (what === "begun") open.add(id);
    else open.delete(id);
  }
  return open;
}
