import type { RewriteConfig } from "../config/route-schema.ts";
import type { Exchange } from "../pipeline/exchange.ts";

/** Makes the step that changes path and host to what the service expects. */
export function compileRewrite(rewrite: RewriteConfig): (x: Exchange) => undefined {
  const path = pathRewrite(rewrite);
  const { host } = rewrite;
  return (x) => {
    const { outgoing } = x;
    if (path !== undefined) outgoing.path = path(x, outgoing.path);
    if (host === "endpoint") outgoing.authority = "";
    else if (host !== "preserve") outgoing.authority = host;
    return undefined;
  };
}

function pathRewrite({
  prefix,
  path,
  regex,
}: RewriteConfig): ((x: Exchange, path: string) => string) | undefined {
  if (prefix !== undefined) {
    const base = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
    return (x, before) => {
      const rest = before.slice(x.pattern?.prefixLength(before) ?? 0);
      return rest === "" ? prefix : base + (rest.startsWith("/") ? rest : `/${rest}`);
    };
  }
  if (path !== undefined)
    return (x) => {
      const { params } = x;
      return path.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_all, name: string) =>
        encodeURIComponent(params[name] ?? ""),
      );
    };
  if (regex === undefined) return undefined;
  const expression = new RegExp(regex.match, "u");
  return (_x, before) => {
    const after = before.replace(expression, regex.to);
    return after.startsWith("/") ? after : `/${after}`;
  };
}
