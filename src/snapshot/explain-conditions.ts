import type { MatchConfig, ValueCondition } from "../config/route-schema.ts";
import type { PathCondition } from "../config/values.ts";

/** The conditions of an entry in words, one by one: `header x-tenant = acme`. */
export function conditionTexts(match: MatchConfig): string[] {
  const { host, path, method } = match;
  return [
    ...(host.length > 0 ? [`host ${host.join(" or ")}`] : []),
    ...(path.length > 0 ? [`path ${path.map(pathText).join(" or ")}`] : []),
    ...(method.length > 0 ? [`method ${method.join(" or ")}`] : []),
    ...furtherTexts(match),
  ];
}

/** Those beyond host, path and method. */
export function furtherTexts({ headers, query, cookies, from, when }: MatchConfig): string[] {
  return [
    ...valueTexts("header", headers),
    ...valueTexts("query", query),
    ...valueTexts("cookie", cookies),
    ...(from.length > 0 ? [`from ${from.join(" or ")}`] : []),
    ...(when === undefined ? [] : [`when ${when}`]),
  ];
}

/** A path condition as text. */
export function pathText(path: PathCondition): string {
  return typeof path === "string" ? path : `regex ${path.regex}`;
}

function valueTexts(kind: string, conditions: Readonly<Record<string, ValueCondition>>): string[] {
  return Object.entries(conditions).map(([name, wanted]) => {
    if (typeof wanted === "string") return `${kind} ${name} = ${wanted}`;
    if ("regex" in wanted) return `${kind} ${name} ~ ${wanted.regex}`;
    return `${kind} ${name} is ${wanted.present ? "there" : "not there"}`;
  });
}
