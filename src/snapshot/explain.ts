import { ALWAYS } from "../config/always.ts";
import { type Locate, type Origin, pathText } from "../config/problem.ts";
import type { RouteConfig } from "../config/route-schema.ts";
import { hideIn, secretsOf } from "../config/secrets.ts";
import { Failure } from "../errors/failure.ts";
import { reasonSpec } from "../errors/reasons.ts";
import type { RequestHead } from "../lib/request.ts";
import { clientAddressOf } from "../pipeline/client-address.ts";
import type { LimitStore } from "../pipeline/limits.ts";
import type { RouteFacts } from "../pipeline/ports.ts";
import type { Match } from "../pipeline/route.ts";
import type { NearRoute } from "../routing/explain.ts";
import { RouteTable } from "../routing/router.ts";
import { WeightedSplit } from "../service/weighted-split.ts";
import type { CompiledSnapshot } from "./compile.ts";
import type { CompiledRoute } from "./compile-route.ts";
import { BodyNames, changesBetween, shownFields, viewOfRequest } from "./explain-changes.ts";
import { conditionTexts } from "./explain-conditions.ts";
import { DryPolicies } from "./explain-dry.ts";
import { type AskedRequest, type RequestToExplain, readAsked } from "./explain-head.ts";
import { type MaskedParts, maskedParts, memberOf } from "./explain-masks.ts";
import { stepViews } from "./explain-steps.ts";
import { type DryWalk, dryRoute, dryWalk } from "./explain-walk.ts";
import type {
  AnswerView,
  AskedView,
  Explanation,
  ForwardView,
  NearView,
  ShareView,
  TakenRoute,
  WrittenAt,
} from "./explanation.ts";

/** How a request is explained. */
export interface ExplainOptions {
  /** Gives lines; default: none are told. */
  readonly locate?: Locate | undefined;
  /** Users' own policies are run as well (default false): not where traffic is served. */
  readonly ownCode?: boolean;
  /** The stores of limits that serve: they are looked at, and nothing is taken (default: none counts anything). */
  readonly store?: ((name: string) => LimitStore | undefined) | undefined;
}

/**
 * Says what becomes of a request, by what serves: the same table of routes, the same walk, the same policies, compiled anew
 * behind ports that lead nowhere. Nothing that serves is touched. Throws an ExplainProblem for what is not a request.
 */
export async function explainRequest(
  snapshot: CompiledSnapshot,
  asked: RequestToExplain,
  { locate, ownCode = false, store }: ExplainOptions = {},
): Promise<Explanation> {
  const read = readAsked(asked, snapshot.config);
  const explanation =
    read.head instanceof Failure
      ? refusal(asked, read, read.head)
      : await explained(snapshot, read, read.head, { locate, ownCode, store });
  return hideIn(explanation, secretsOf(snapshot.config)) as Explanation;
}

async function explained(
  snapshot: CompiledSnapshot,
  { peer }: AskedRequest,
  head: RequestHead,
  { locate, ownCode = false, store }: ExplainOptions,
): Promise<Explanation> {
  const clientAddress = clientAddressOf(head, peer);
  const { listener, tls } = peer;
  const facts: RouteFacts = { request: head, clientAddress, listener, tls };
  const { match, near } = snapshot.router.explain(facts);
  const writtenOf = writtenRoutes(snapshot);
  const [written, compiled] = writtenOf(match.route);
  const masks = maskedParts(snapshot.config, written);
  const shares = sharesOf(compiled);
  const share = Math.max(
    0,
    shares.findIndex(({ followed }) => followed),
  );
  const all = [
    ...compiled.before,
    ...compiled.splits.flat(),
    ...compiled.services.flatMap((one) => one.policies),
  ];
  const policies = new DryPolicies(all, snapshot.clock, ownCode, store);
  try {
    const { route } = dryRoute(compiled, share, policies);
    const walk = await dryWalk(snapshot, { route, pattern: match.pattern }, peer, head);
    const steps = stepViews(compiled, share, masks, policies);
    const { method, scheme, authority, path, query } = head;
    const request: AskedView = {
      method,
      scheme,
      authority,
      path,
      query,
      listener: peer.listener,
      clientAddress,
    };
    const explanation: Explanation = {
      request,
      route: takenRoute(compiled, written, match, facts, locate),
      near: near.map((one) => nearView(one, writtenOf(one.route)[0], locate)),
      steps,
      ...outcome(compiled, share, shares, masks, walk),
      certain: steps.every(({ verdict }) => verdict !== "unknown"),
    };
    return withoutNewIds(explanation, head, walk);
  } finally {
    policies.close();
  }
}

/** Ids that were made for this walk say nothing, and would make each explanation another. */
function withoutNewIds(explanation: Explanation, head: RequestHead, { exchange }: DryWalk): Explanation {
  const changed = explanation.steps.flatMap(({ changes }) => changes.filter(({ what }) => what === "id"));
  const ids = new Set([...changed.flatMap(({ before, after }) => [before, after]), exchange.id]);
  const given = new Set(Array.from(head.fields.entries(), ([, value]) => value));
  let text = JSON.stringify(explanation);
  let made = 0;
  for (const id of ids)
    if (id !== undefined && id !== "" && !given.has(id)) text = text.replaceAll(id, `(new id ${++made})`);
  return JSON.parse(text) as Explanation;
}

function refusal(
  asked: RequestToExplain,
  { peer, url }: AskedRequest,
  { code, detail }: Failure,
): Explanation {
  const [path = "", query] = url.target.split(/(?=\?)/, 2);
  return {
    request: {
      method: asked.method,
      scheme: url.scheme,
      authority: url.authority,
      path,
      query: query ?? "",
      listener: peer.listener,
      clientAddress: peer.address,
    },
    refused: { status: reasonSpec(code).status, reason: code, ...(detail !== undefined && { detail }) },
    near: [],
    steps: [],
    certain: true,
  };
}

type Written = readonly [written: RouteConfig | undefined, compiled: CompiledRoute];

/** How each route was written and compiled; what answers where none matches was written nowhere. */
function writtenRoutes({ routes, notFound }: CompiledSnapshot): (route: Match["route"]) => Written {
  const byRoute = new Map(
    Array.from(routes, ([written, compiled]) => [compiled.entry.route, [written as RouteConfig, compiled]]),
  ) as Map<Match["route"], Written>;
  return (route) => byRoute.get(route) ?? [undefined, notFound];
}

function takenRoute(
  { entry }: CompiledRoute,
  written: RouteConfig | undefined,
  { pattern }: Match,
  facts: RouteFacts,
  locate: Locate | undefined,
): TakenRoute {
  const { name } = entry.route;
  if (written === undefined) return { name, conditions: [], params: {} };
  // Each entry alone, by the table that serves.
  const index = entry.match.findIndex((one) => {
    const alone = RouteTable.from([{ ...entry, match: [one] }], NOBODY).match(facts);
    return alone.route === entry.route && alone.pattern === pattern;
  });
  return {
    name,
    at: writtenAt(written.origin, locate),
    matchIndex: Math.max(0, index),
    conditions: conditionTexts(entry.match[index] ?? ALWAYS),
    ...(pattern !== undefined && { pattern: pattern.text }),
    params: pattern?.params(facts.request.path) ?? {},
  };
}

const NOBODY = { name: "(none)" } as Match["route"];

function nearView(
  { route, matchIndex, host, path, condition }: NearRoute,
  written: RouteConfig | undefined,
  locate: Locate | undefined,
): NearView {
  return {
    name: route.name,
    ...(written !== undefined && { at: writtenAt(written.origin, locate) }),
    matchIndex,
    ...(host !== undefined && { host }),
    ...(path !== undefined && { path }),
    condition,
  };
}

/** @internal Where something was written, with its line where the text is at hand. */
export function writtenAt(origin: Origin, locate: Locate | undefined): WrittenAt {
  const line = locate?.(origin)?.line;
  return { file: origin.file, ...(line !== undefined && { line }), path: pathText(origin.path) };
}

function sharesOf({ entry, services, targets }: CompiledRoute): ShareView[] {
  const { split } = entry.route;
  const percents =
    split instanceof WeightedSplit ? split.shares.map(({ percent }) => percent) : services.map(() => 100);
  const most = percents.indexOf(Math.max(...percents));
  return services.map((_, i) => ({
    service: targets[i]!.serviceName,
    percent: percents[i]!,
    followed: i === most,
  }));
}

function outcome(
  { entry, services }: CompiledRoute,
  share: number,
  shares: readonly ShareView[],
  masks: MaskedParts,
  { exchange, sent, reply }: DryWalk,
): { readonly forward?: ForwardView; readonly answer?: AnswerView } {
  if (sent === undefined) {
    if (reply === undefined) return {};
    const reason = exchange.failure?.code;
    const fields = shownFields(reply.fields);
    return { answer: { status: reply.status, ...(reason !== undefined && { reason }), fields } };
  }
  const { name } = services[share]!.service;
  const { request } = exchange;
  const bodies = new BodyNames();
  const endpoints = memberOf(masks.services, name, "endpoints");
  return {
    forward: {
      service: name,
      shares,
      endpoints: (Array.isArray(endpoints) ? endpoints : [endpoints]).map((one: unknown) =>
        String(memberOf(one, "url")),
      ),
      timeouts: memberOf(masks.services, name, "timeouts"),
      deadline: entry.route.deadline,
      method: sent.method,
      host: sent.authority,
      path: sent.path,
      query: sent.query,
      changes: changesBetween(viewOfRequest(request, bodies), viewOfRequest(sent, bodies)),
    },
  };
}
