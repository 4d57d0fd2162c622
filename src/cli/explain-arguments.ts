import { parseArgs } from "node:util";
import type { RequestToExplain } from "../snapshot/explain-head.ts";
import { UsageError } from "./command.ts";

/** What `torana explain` is asked. */
export interface ExplainArguments {
  readonly file: string;
  readonly json: boolean;
  readonly request: RequestToExplain;
}

const OPTIONS = {
  config: { type: "string", short: "c" },
  request: { type: "string", short: "X" },
  header: { type: "string", short: "H", multiple: true },
  data: { type: "string", short: "d", multiple: true },
  head: { type: "boolean", short: "I" },
  user: { type: "string", short: "u" },
  cookie: { type: "string", short: "b" },
  "user-agent": { type: "string", short: "A" },
  from: { type: "string" },
  listener: { type: "string" },
  json: { type: "boolean" },
} as const;

/** Reads a command line that is written as curl's is. Throws a UsageError. */
export function explainArguments(args: readonly string[]): ExplainArguments {
  const { values, positionals } = parsed(args);
  const [file, method, address] = placed(positionals, values.config);
  const body = values.data?.join("&");
  const url = /^[a-z]+:\/\//i.test(address) ? address : `http://${address}`;
  const [, login] = /^[a-z]+:\/\/([^/?#@]*)@/i.exec(url) ?? [];
  const fields = [...(values.header ?? []).flatMap(fieldOf)];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && !fields.some((field) => field[0].toLowerCase() === name))
      fields.push([name, value]);
  };
  const user = values.user ?? (login === undefined ? undefined : decodedLogin(login));
  add("authorization", user === undefined ? undefined : `Basic ${Buffer.from(user).toString("base64")}`);
  add("cookie", values.cookie);
  add("user-agent", values["user-agent"]);
  add("content-type", body === undefined ? undefined : "application/x-www-form-urlencoded");
  const usual = values.head === true ? "HEAD" : body === undefined ? "GET" : "POST";
  return {
    file,
    json: values.json === true,
    request: {
      method: values.request ?? method ?? usual,
      url,
      fields,
      from: values.from,
      listener: values.listener,
      body,
    },
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** `FILE [METHOD] URL`, the file also as --config. */
function placed(
  positionals: readonly string[],
  config: string | undefined,
): [file: string, method: string | undefined, url: string] {
  const [file, ...rest] = config === undefined ? positionals : [config, ...positionals];
  const [first, second, ...more] = rest;
  if (file === undefined || first === undefined || more.length > 0)
    throw new UsageError("a config file and one URL are needed");
  const [method, url] = second === undefined ? [undefined, first] : [first, second];
  if (method !== undefined && !/^[A-Z][A-Z-]*$/.test(method))
    throw new UsageError(`${JSON.stringify(method)} is not a method; write FILE METHOD URL`);
  if (/^[A-Z]+$/.test(url) || url.startsWith("/"))
    throw new UsageError(`${JSON.stringify(url)} is not a URL; write http://host/path`);
  return [file, method, url];
}

/** As curl has it: `name: value`; `name;` for an empty one; `name:` for none. */
function fieldOf(text: string): [name: string, value: string][] {
  const [, empty] = /^([^:;\s]+);$/.exec(text) ?? [];
  if (empty !== undefined) return [[empty, ""]];
  const [, name, value = ""] = /^([^:\s]+):(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`${JSON.stringify(text)} is not a field; write "name: value"`);
  return value.trim() === "" ? [] : [[name, value.trim()]];
}

function decodedLogin(login: string): string {
  try {
    return decodeURIComponent(login);
  } catch {
    throw new UsageError(`${JSON.stringify(login)} is not a login; write -u user:password`);
  }
}
