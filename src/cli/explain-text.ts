import type {
  Change,
  Explanation,
  ForwardView,
  StepView,
  TakenRoute,
  WrittenAt,
} from "../snapshot/explanation.ts";
import { coloured, shortPath, table, terminalWidth } from "./table.ts";

/** Routes that came close that are listed. */
const NEAR_MOST = 15;

/** An explanation for people, in lines. */
export function explanationText(explanation: Explanation): string {
  const { request, refused, route, near, steps, forward, answer, certain } = explanation;
  const { method, scheme, authority, path, query, listener, clientAddress } = request;
  const lines = [
    coloured("bold", `${method} ${scheme}://${authority}${path}${query}`),
    `from ${clientAddress || "a Unix socket"}, by listener ${listener}`,
  ];
  if (refused !== undefined) {
    const detail = refused.detail === undefined ? "" : `: ${refused.detail}`;
    lines.push("", coloured("red", `refused before any route: ${refused.status} ${refused.reason}${detail}`));
    return lines.join("\n");
  }
  if (route !== undefined) lines.push("", ...routeLines(route));
  if (near.length > 0) {
    const rows = near
      .slice(0, NEAR_MOST)
      .map(({ name, at, condition }) => [name, condition, at === undefined ? "" : placeOf(at)]);
    lines.push("", coloured("bold", "came close"), ...tableBelow(["ROUTE", "BUT", "WRITTEN"], rows));
    if (near.length > NEAR_MOST) lines.push(`  and ${near.length - NEAR_MOST} more; --json lists them`);
  }
  if (steps.length > 0) {
    const rows = steps.map((step) => [step.place, shortPath(step.policy), step.of, verdictOf(step)]);
    lines.push("", coloured("bold", "steps"), ...tableBelow(["PHASE", "POLICY", "OF", "SAYS"], rows));
  }
  if (forward !== undefined) lines.push("", ...forwardLines(forward));
  if (answer !== undefined) {
    const reason = answer.reason === undefined ? "" : ` ${answer.reason}`;
    lines.push("", `${coloured("bold", "answer")}  ${answer.status}${reason}, by the gateway itself`);
    lines.push(...answer.fields.map(([name, value]) => `  ${name}: ${value}`));
  }
  if (!certain)
    lines.push(
      "",
      coloured("yellow", "What follows an unknown verdict holds only if that step lets the request go on."),
    );
  return lines.join("\n");
}

function routeLines({ name, at, conditions, params }: TakenRoute): string[] {
  if (at === undefined) return [`${coloured("bold", "route")}  none matches`];
  const values = Object.entries(params).map(([param, value]) => `${param} = ${value}`);
  return [
    `${coloured("bold", "route")}  ${name}, ${placeOf(at)}`,
    `  since ${conditions.length === 0 ? "it takes everything" : conditions.join(", ")}`,
    ...(values.length > 0 ? [`  parameters: ${values.join(", ")}`] : []),
  ];
}

function forwardLines(forward: ForwardView): string[] {
  const { service, shares, endpoints, deadline, method, host, path, query, changes } = forward;
  const timeouts = Object.entries((forward.timeouts ?? {}) as object).map(
    ([name, ms]) => `${name} ${time(ms)}`,
  );
  if (deadline > 0) timeouts.push(`whole ${time(deadline)}`);
  const split = shares.map((one) => `${one.service} ${Number(one.percent.toFixed(2))}%`).join(", ");
  return [
    `${coloured("bold", "forward")}  to ${service}${shares.length > 1 ? ` (of ${split})` : ""}`,
    `  ${method} ${path}${query}, host ${host}`,
    `  at ${endpoints.join(", ")}`,
    `  timeouts: ${timeouts.join(", ")}`,
    ...(changes.length > 0
      ? ["  differs from what the client sent:", ...changes.map((change) => `    ${changeText(change)}`)]
      : []),
  ];
}

function verdictOf({ verdict, status, reason, note, changes, place }: StepView): string {
  const changed = changes.map(changeText).join("; ");
  switch (verdict) {
    case "goes-on":
      return changed === "" ? "goes on" : `goes on; ${changed}`;
    case "answers":
      return coloured(
        "red",
        `${place === "response" ? "replaces the answer" : "answers"}: ${status} ${reason ?? ""}`.trimEnd(),
      );
    case "unknown":
      return coloured("yellow", `unknown: ${note ?? ""}`);
    case "not-reached":
      return coloured("dim", place === "recover" ? "only when forwarding fails" : "not reached");
    case "not-run":
      return coloured("dim", note ?? "not run");
  }
}

/** One change in words. */
function changeText({ what, before, after }: Change): string {
  const name = what.replace(/^field /, "");
  if (before === undefined) return `+ ${name}: ${after}`;
  if (after === undefined) return `- ${name}`;
  const empty = what === "host" ? "the endpoint's" : "(none)";
  return `${name}: ${before || empty} -> ${after || empty}`;
}

function placeOf({ file, line, path }: WrittenAt): string {
  return `${shortPath(file)}${line === undefined ? "" : `:${line}`} ${path}`;
}

function time(ms: unknown): string {
  return typeof ms !== "number" ? String(ms) : ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function tableBelow(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return table(head, rows, terminalWidth() - 2).map((line) => `  ${line}`);
}
