import { parseArgs } from "node:util";
import { type RouteRow, routeRows } from "../snapshot/route-rows.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { withConfig } from "./open-config.ts";
import { shortPath, table } from "./table.ts";

/** `torana routes FILE`: the table of routes. */
export const routes: Command = {
  summary: "list the routes of a config in the order in which they are tried",
  usage: "FILE [--json]",
  async run(args) {
    const { file, json } = parse(args);
    return withConfig(file, async ({ snapshot, loaded }) => {
      const rows = routeRows(snapshot, loaded.locate);
      console.log(json ? JSON.stringify(rows, undefined, 2) : table(HEAD, rows.map(cells)).join("\n"));
      return EXIT.ok;
    });
  },
};

const HEAD = ["HOST", "PATH", "METHOD", "AND", "ROUTE", "LEADS TO", "POLICIES", "WRITTEN"];

function cells({
  host,
  path,
  methods,
  conditions,
  listeners,
  route,
  services,
  policies,
  at,
}: RouteRow): string[] {
  const total = services.reduce((sum, { weight }) => sum + weight, 0);
  const share = (weight: number): string =>
    services.length === 1 ? "" : ` ${Number(((100 * weight) / total).toFixed(1))}%`;
  return [
    host || "*",
    path || "*",
    methods.join(" ") || "*",
    [...conditions, ...(listeners.length > 0 ? [`listener ${listeners.join(" or ")}`] : [])].join(", "),
    route,
    services.map(({ service, weight }) => service + share(weight)).join(", ") || "(a policy answers)",
    policies.map(shortPath).join(", "),
    shortPath(at.file) + (at.line === undefined ? "" : `:${at.line}`),
  ];
}

function parse(args: readonly string[]): { file: string; json: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean", default: false } },
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new UsageError("one config file is needed");
    return { file, json: values.json };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}
