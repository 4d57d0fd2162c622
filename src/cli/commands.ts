import type { Command } from "./command.ts";

/** The commands by name; only the one that is asked for is loaded. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import("./check.ts")).check,
  schema: async () => (await import("./schema.ts")).schema,
  run: async () => (await import("./run.ts")).run,
  policy: async () => (await import("./policy.ts")).policy,
  explain: async () => (await import("./explain.ts")).explain,
  cert: async () => (await import("./cert.ts")).cert,
  key: async () => (await import("./key.ts")).key,
  password: async () => (await import("./password.ts")).password,
  routes: async () => (await import("./routes.ts")).routes,
};
