import { EXPOSITION_TYPE } from "../observe/exposition.ts";
import { indexPage } from "./index-page.ts";
import type { Parameters } from "./parameters.ts";
import { AdminProblem, type AdminSource, type ExplainRequest } from "./source.ts";

/** What an endpoint answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  /** Name of a file to keep it in. */
  readonly file?: string;
}

/** One admin endpoint. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** For the index page. */
  readonly summary: string;
  readonly parameters: readonly string[];
  answer(source: AdminSource, parameters: Parameters): Answer | Promise<Answer>;
}

/** A profile takes so many seconds at most, and so many by default. */
const PROFILE_MAX = 300;
const PROFILE_DEFAULT = 5;

/** Consumers that one answer shows at most, and by default. */
const CONSUMERS_MAX = 1_000;
const CONSUMERS_DEFAULT = 100;

/** The admin endpoints of one server, in the order of the index page. */
export function adminEndpoints(): readonly Endpoint[] {
  const endpoints: Endpoint[] = [
    {
      method: "GET",
      path: "/",
      summary: "This page.",
      parameters: [],
      answer: (source) => {
        const body = indexPage(endpoints, source.ready());
        return { status: 200, type: "text/html; charset=utf-8", body };
      },
    },
    ...HEALTH,
    ...VIEWS,
    {
      method: "POST",
      path: "/reload",
      summary: "Read the config anew and put it in force; 409 with the problems where it cannot be.",
      parameters: [],
      answer: reload,
    },
    ...profiles(),
  ];
  return endpoints;
}

const HEALTH: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/livez",
    summary: "200 while the process is in order, 503 when it should be restarted.",
    parameters: [],
    answer: (source) => (source.live() ? json(200, { live: true }) : json(503, { live: false })),
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "200 while requests are served as they should be, 503 with the reasons when not.",
    parameters: [],
    answer: (source) => {
      const { ready, reasons } = source.ready();
      return json(ready ? 200 : 503, { ready, reasons });
    },
  },
];

const VIEWS: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/metrics",
    summary: "Metrics in the text format of Prometheus.",
    parameters: [],
    answer: async (source) => ({ status: 200, type: EXPOSITION_TYPE, body: await source.metrics() }),
  },
  {
    method: "GET",
    path: "/snapshot",
    summary: "The config that serves, secrets masked, and its generation.",
    parameters: [],
    answer: async (source) => json(200, await source.snapshot()),
  },
  {
    method: "GET",
    path: "/routes",
    summary: "The routes in the order in which they are tried.",
    parameters: [],
    answer: async (source) => json(200, await source.routes()),
  },
  {
    method: "GET",
    path: "/consumers",
    summary: "Consumers, ids and times of their credentials: ?name=… or ?offset=0&limit=100.",
    parameters: ["name", "offset", "limit"],
    answer: async (source, parameters) => {
      const offset = parameters.whole("offset", 0, 999_999_999) ?? 0;
      const limit = parameters.whole("limit", 1, CONSUMERS_MAX) ?? CONSUMERS_DEFAULT;
      return json(200, await source.consumers({ name: parameters.one("name"), offset, limit }));
    },
  },
  {
    method: "GET",
    path: "/explain",
    summary: "What would become of a request: ?method=GET&url=http://host/path&header=name:%20value.",
    parameters: ["method", "url", "header", "from", "listener"],
    answer: async (source, parameters) => json(200, await source.explain(explainRequest(parameters))),
  },
  {
    method: "GET",
    path: "/workers",
    summary: "The event loops that serve.",
    parameters: [],
    answer: async (source) => json(200, await source.workers()),
  },
];

async function reload(source: AdminSource): Promise<Answer> {
  const { ok, generation, changed, problems } = await source.reload();
  if (ok) return json(200, { ok, generation, changed, problems });
  throw new AdminProblem(
    409,
    "reload_refused",
    `the config has problems; number ${generation} still serves`,
    { ok, generation, changed, problems },
  );
}

/** Profiles: one at a time, since each slows its worker down and the inspector knows only one. */
function profiles(): Endpoint[] {
  let running = false;
  return (["cpu", "heap"] as const).map((kind) => ({
    method: "POST",
    path: `/profile/${kind}`,
    summary:
      kind === "cpu"
        ? "Where a worker spends its time: ?seconds=5&worker=0, a .cpuprofile."
        : "What a worker allocates, by function: ?seconds=5&worker=0, a .heapprofile.",
    parameters: ["seconds", "worker"],
    answer: async (source, parameters) => {
      const seconds = parameters.whole("seconds", 1, PROFILE_MAX) ?? PROFILE_DEFAULT;
      const worker = parameters.whole("worker", 0, 255);
      if (running) throw new AdminProblem(409, "profile_running", "a profile is being made; try again later");
      running = true;
      try {
        const body = await source.profile(kind, seconds, worker);
        return { status: 200, type: "application/json", body, file: `torana.${kind}profile` };
      } finally {
        running = false;
      }
    },
  }));
}

function explainRequest(parameters: Parameters): ExplainRequest {
  const url = parameters.one("url");
  if (url === undefined || !/^https?:\/\/[^/?#]/i.test(url) || !URL.canParse(url))
    throw new AdminProblem(400, "parameter_invalid", "url is needed: http://host/path?query");
  const method = parameters.one("method") ?? "GET";
  if (!TOKEN.test(method)) throw new AdminProblem(400, "parameter_invalid", "method is not a method of HTTP");
  const fields = parameters.all("header").map(field);
  return { method, url, fields, from: parameters.one("from"), listener: parameters.one("listener") };
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

function field(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0));
  const value = text.slice(colon + 1).trim();
  if (TOKEN.test(name) && !/[\r\n\0]/.test(value)) return [name, value];
  throw new AdminProblem(400, "parameter_invalid", "header is written as name: value");
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: `${JSON.stringify(value, undefined, 2)}\n` };
}
