import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply, type CallRequest } from "../pipeline/calls.ts";

/** Asks an address outside. Rejects with a CallFailed that names its host and no more of its URL. */
export async function fetchCall(request: CallRequest, url: string, max: number): Promise<CallReply> {
  const { method = "GET", fields, body, timeout } = request;
  const { host } = new URL(url);
  const signal = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      method,
      headers: [...(fields?.entries() ?? [])],
      ...(body !== undefined && { body: typeof body === "string" ? body : new Uint8Array(body) }),
      redirect: "manual",
      signal,
    });
    return {
      status: response.status,
      fields: fieldsOf(response.headers),
      body: await held(response, max),
      trailers: undefined,
    };
  } catch (error) {
    if (error instanceof CallFailed) throw new CallFailed(error.code, `${host}: ${error.message}`);
    if (signal.aborted) throw new CallFailed("call_timeout", `${host}: no answer within ${timeout} ms`);
    throw new CallFailed("connect_failed", `${host}: ${causeOf(error)}`, { cause: error });
  }
}

/** They are true of the bytes on the wire; `fetch` has unpacked what it gives. */
const OF_THE_WIRE: ReadonlySet<string> = new Set([
  ...["connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"],
]);

/** Fields of an answer; what cannot stand in a message of ours is left out. */
function fieldsOf(headers: Headers): Fields {
  const fields = new Fields();
  for (const [name, value] of headers)
    try {
      if (OF_THE_WIRE.has(name)) continue;
      fields.append(name, value);
    } catch {}
  return fields;
}

async function held(response: Response, max: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > max) throw new CallFailed("call_too_large", `more than ${max} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `fetch` hides what went wrong behind "fetch failed". */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: Error & { code?: string } };
  return cause?.code ?? cause?.message ?? message;
}
