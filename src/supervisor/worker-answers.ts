import type { RequestToExplain } from "../snapshot/explain-head.ts";
import { userPolicyVersions } from "../snapshot/user-policies.ts";
import type { Gateway } from "./gateway.ts";
import type { FromWorker, Question } from "./protocol.ts";

/** Answers a question of the main thread. */
export async function answerTo(
  { id, what }: { readonly id: number; readonly what: Question },
  gateway: Gateway,
): Promise<FromWorker> {
  try {
    return { type: "answer", id, answer: await answer(what, gateway) };
  } catch (error) {
    return { type: "answer", id, answer: undefined, error: (error as Error).message };
  }
}

async function answer(what: Question, gateway: Gateway): Promise<unknown> {
  switch (what.kind) {
    case "user-policies":
      return Object.fromEntries(userPolicyVersions());
    case "reopen":
      return gateway.reopenLogs();
    case "routes":
      return (await import("../snapshot/route-rows.ts")).routeRows(gateway.snapshots.current);
    case "explain":
      return explained(what.request, gateway);
    case "profile":
      return (await import("../observe/profile.ts")).profile(what.of, what.seconds);
  }
}

/** A request that cannot be explained is an answer as well: whose fault it is must not be lost on the way. */
async function explained(request: RequestToExplain, gateway: Gateway): Promise<object> {
  const [{ explainRequest }, { ExplainProblem }] = await Promise.all([
    import("../snapshot/explain.ts"),
    import("../snapshot/explain-head.ts"),
  ]);
  try {
    const store = (name: string) => gateway.store(name);
    return await explainRequest(gateway.snapshots.current, request, { store });
  } catch (error) {
    if (error instanceof ExplainProblem) return { problem: error.message };
    throw error;
  }
}
