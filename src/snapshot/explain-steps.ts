import type { CompiledPolicy } from "./compile-policies.ts";
import { inPhaseOrder } from "./compile-policies.ts";
import type { CompiledRoute } from "./compile-route.ts";
import { type DryPolicies, type DryStep, isBuiltIn } from "./explain-dry.ts";
import { type MaskedParts, memberOf, shownOptions } from "./explain-masks.ts";
import type { StepPlace, StepView } from "./explanation.ts";

/** A policy of a route with where it came from. */
interface Placed {
  readonly policy: CompiledPolicy;
  readonly of: string;
  /** Its entry as people may see it. */
  readonly shown: unknown;
}

/** Lists the steps of a route in the order in which they run, with what they said; `share` is the service followed. */
export function stepViews(
  compiled: CompiledRoute,
  share: number,
  masks: MaskedParts,
  policies: DryPolicies,
): StepView[] {
  const { before, all } = placed(compiled, share, masks);
  const inverse = all.toReversed();
  const asked = (list: readonly Placed[], step: DryStep, place?: StepPlace): StepView[] =>
    list
      .filter(({ policy }) => policy.steps[step] !== undefined)
      .map((one) => ({
        ...about(one, place ?? one.policy.definition.phase),
        ...(policies.said(one.policy, step) ?? { verdict: "not-reached", changes: [] }),
      }));
  const left = (
    list: readonly Placed[],
    step: "requestBody" | "responseBody" | "log",
    place: StepPlace,
    note: string,
  ): StepView[] =>
    list
      .filter(({ policy }) => policy.steps[step] !== undefined)
      .map((one) => ({ ...about(one, place), verdict: "not-run", note, changes: [] }));
  return [
    ...asked(before, "request"),
    ...left(all, "requestBody", "request-body", "it works on the body as it passes"),
    ...asked(all, "attempt", "attempt"),
    ...asked(all, "recover", "recover"),
    ...asked(inverse, "response", "response"),
    ...left(inverse, "responseBody", "response-body", "it works on the body as it passes"),
    ...left(all, "log", "log", "it runs when all is over"),
  ];
}

function about({ policy, of, shown }: Placed, place: StepPlace): Pick<StepView, "place" | "policy" | "of"> {
  const options = shownOptions(policy, shown);
  return { place, policy: policy.name, of, ...(options !== undefined && { options }) };
}

/** Policies as `foldPolicies` orders them. */
function placed(
  { shared, own, before, splits, services }: CompiledRoute,
  share: number,
  masks: MaskedParts,
): { readonly before: readonly Placed[]; readonly all: readonly Placed[] } {
  const found = new Map<CompiledPolicy, Placed>();
  const add = (list: readonly CompiledPolicy[], of: string, holder: unknown): void => {
    for (const [i, policy] of list.entries()) found.set(policy, { policy, of, shown: memberOf(holder, i) });
  };
  add(before.filter(isBuiltIn), "gateway", undefined);
  add(shared, "every route", masks.policies);
  add(own, "route", memberOf(masks.route, "policies"));
  const service = services[share];
  const inner = [...(splits[share] ?? []), ...(service?.policies ?? [])];
  add(splits[share] ?? [], "share", memberOf(masks.route, "split", share, "policies"));
  if (service !== undefined) {
    const { name } = service.service;
    add(service.policies, `service ${name}`, memberOf(masks.services, name, "policies"));
  }
  const outer = inPhaseOrder(before).map((policy) => found.get(policy)!);
  return { before: outer, all: [...outer, ...inner.map((policy) => found.get(policy)!)] };
}
