import { Fields } from "../lib/fields.ts";
import { locationText } from "../lib/location.ts";
import { Reply } from "../lib/reply.ts";
import type { ReceivedRequest } from "../lib/request.ts";
import { hostOf } from "../pipeline/scheme.ts";

/** The usual port of https, which addresses leave out. */
const USUAL_PORT = 443;

/**
 * The answer that sends a client to the same host, path and query by https (308: the method stays); undefined where the
 * request names no host.
 * @param path as the client sent it
 */
export function httpsRedirect(
  { authority, query }: ReceivedRequest,
  path: string,
  port: number,
): Reply | undefined {
  const host = hostOf(authority);
  if (host === "") return undefined;
  const behind = port === USUAL_PORT ? "" : `:${port}`;
  const where = path === "*" ? "/" : path;
  const fields = new Fields();
  fields.put("location", `https://${host}${behind}${locationText(where)}${locationText(query)}`);
  return new Reply(308, fields);
}
