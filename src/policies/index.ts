import type { PolicyDefinition } from "../pipeline/policy.ts";

/** The shipped policies by name; only what a config names is loaded. */
export const SHIPPED: Readonly<Record<string, () => Promise<PolicyDefinition>>> = {
  "access-log": async () => (await import("./access-log.ts")).accessLog,
  "client-certificate": async () => (await import("./client-certificate.ts")).clientCertificate,
  cors: async () => (await import("./cors.ts")).cors,
  "grpc-health": async () => (await import("./grpc-health.ts")).grpcHealth,
  "grpc-web": async () => (await import("./grpc-web.ts")).grpcWeb,
  groups: async () => (await import("./groups.ts")).groups,
  headers: async () => (await import("./headers.ts")).headers,
  "ip-allow": async () => (await import("./ip-allow.ts")).ipAllow,
  permissions: async () => (await import("./permissions.ts")).permissions,
  redirect: async () => (await import("./redirect.ts")).redirect,
  "request-id": async () => (await import("./request-id.ts")).requestId,
  "request-size": async () => (await import("./request-size.ts")).requestSize,
  respond: async () => (await import("./respond.ts")).respond,
  scopes: async () => (await import("./scopes.ts")).scopes,
};
