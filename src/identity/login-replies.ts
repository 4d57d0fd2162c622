import { Reply } from "../lib/reply.ts";

/** Sends a browser elsewhere: 302 keeps a GET one; 303 makes one of everything else (RFC 9110 §15.4.4). */
export function redirect(location: string, cookies: readonly string[], method: string): Reply {
  const reply = new Reply(method === "GET" || method === "HEAD" ? 302 : 303);
  reply.fields.set("location", location);
  return withCookies(reply, cookies);
}

/** The reply with cookies, kept by no cache. */
export function withCookies(reply: Reply, cookies: readonly string[]): Reply {
  for (const one of cookies) reply.fields.append("set-cookie", one);
  reply.fields.set("cache-control", "no-store");
  return reply;
}
