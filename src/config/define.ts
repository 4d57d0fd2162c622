import type { ServiceTlsInput, TlsInput } from "./define-tls.ts";

/** A time: a number with ms, s, m, h or d. */
export type TimeInput = string | number;

/** One of something, or a list of it. */
export type OneOrMany<T> = T | readonly T[];

/** What one field, query parameter or cookie must be. */
export type ConditionInput = string | { readonly regex: string } | { readonly present: boolean };

/** Conditions that all must hold. */
export interface MatchInput {
  readonly host?: OneOrMany<string>;
  /** `/exact`, `/with/{parameter}`, `/prefix/*`, or an expression. */
  readonly path?: OneOrMany<string | { readonly regex: string }>;
  readonly method?: OneOrMany<string>;
  readonly headers?: Readonly<Record<string, ConditionInput>>;
  readonly query?: Readonly<Record<string, ConditionInput>>;
  readonly cookies?: Readonly<Record<string, ConditionInput>>;
  /** Networks that the client's address is in. */
  readonly from?: readonly string[];
  /** A CEL expression that must be true. */
  readonly when?: string;
}

/** A policy's name, or the path of its file, and its options. */
export type PolicyInput = Readonly<Record<string, unknown>>;

/** One of the services that a route leads to, and its share. */
export interface SplitInput {
  readonly service: string;
  readonly weight?: number;
  readonly policies?: readonly PolicyInput[];
}

/** How the service is asked; one of prefix, path and regex. */
export interface RewriteInput {
  readonly prefix?: string;
  readonly path?: string;
  readonly regex?: { readonly match: string; readonly to: string };
  /** preserve, endpoint, or a name. */
  readonly host?: string;
}

/** What holds for the WebSockets of a route. */
export interface WebSocketInput {
  /** Pages that may open one: `https://a.example`, `https://*.a.example`, an expression. */
  readonly origins?: readonly (string | { readonly regex: string })[];
  readonly idleTimeout?: TimeInput;
  readonly maxLifetime?: TimeInput;
  readonly grace?: TimeInput;
  readonly fromClient?: MessagesInput;
  readonly fromService?: MessagesInput;
}

/** What the messages of one side of a WebSocket must keep to. */
export interface MessagesInput {
  readonly maxMessage?: string | number;
  readonly maxFrame?: string | number;
  readonly messagesPerSecond?: number;
  readonly burst?: number;
  readonly onExcess?: "close" | "delay";
  readonly kinds?: readonly ("text" | "binary")[];
  readonly utf8?: boolean;
  /** A JSON Schema of draft 2020-12. */
  readonly schema?: boolean | { readonly [keyword: string]: unknown };
  readonly onInvalid?: "close" | "drop";
}

/** A route as it is written. */
export interface RouteInput {
  readonly name: string;
  readonly match?: OneOrMany<MatchInput>;
  readonly listeners?: OneOrMany<string>;
  readonly priority?: number;
  readonly service?: string;
  readonly split?: readonly SplitInput[];
  readonly rewrite?: RewriteInput;
  readonly timeout?: TimeInput;
  readonly tunnels?: "keep" | "close" | { readonly drain: TimeInput };
  readonly websocket?: WebSocketInput;
  readonly buffer?: {
    readonly request?: boolean | string | number;
    readonly response?: boolean | string | number;
  };
  readonly policies?: readonly PolicyInput[];
  readonly routes?: readonly RouteInput[];
  readonly include?: string;
}

/** Bounds of the wire. */
export interface LimitsInput {
  readonly head?: number;
  readonly fields?: number;
  readonly target?: number;
  readonly headerTimeout?: TimeInput;
  readonly idleTimeout?: TimeInput;
  readonly bodyRate?: number;
  readonly connections?: number;
  readonly connectionsPerAddress?: number;
}

/** A listener as it is written. */
export interface ListenerInput {
  readonly name: string;
  /** `0.0.0.0:8080`, or `unix:/run/x.sock`. */
  readonly address: string;
  readonly proxyProtocol?: boolean;
  readonly trusted?: readonly string[];
  readonly limits?: LimitsInput;
  readonly http2?: {
    readonly maxStreams?: number;
    readonly streamWindow?: number;
    readonly connectionWindow?: number;
    readonly cleartext?: boolean;
  };
  readonly tls?: TlsInput;
  /** Connections are led to services byte by byte. */
  readonly tcp?: {
    readonly service?: string;
    readonly sni?: Readonly<Record<string, string>>;
    readonly default?: string;
    readonly idleTimeout?: TimeInput;
  };
  /** true for port 443, or another port. */
  readonly redirectToHttps?: boolean | number;
}

/** A service as it is written. */
export interface ServiceInput {
  /** `http://host:port`, `https://…`, `h2c://…`, `tcp://…`, or `unix:/run/x.sock`. */
  readonly endpoints: readonly string[];
  readonly timeouts?: {
    readonly connect?: TimeInput;
    readonly response?: TimeInput;
    readonly idle?: TimeInput;
  };
  readonly connections?: {
    readonly max?: number;
    readonly waiting?: number;
    readonly waitTimeout?: TimeInput;
    readonly keepAlive?: TimeInput;
    readonly streams?: number;
  };
  readonly resend?: "any" | "idempotent";
  readonly protocol?: "auto" | "http1" | "http2";
  readonly tls?: ServiceTlsInput;
  readonly proxyProtocol?: "v1" | "v2";
  readonly policies?: readonly PolicyInput[];
}

/** A store that several gateways share. */
export interface StoreInput {
  readonly redis: {
    readonly urls: readonly string[];
    readonly mode?: "single" | "cluster" | "sentinel";
    readonly master?: string;
    readonly username?: string;
    readonly password?: string;
    readonly ca?: string;
    readonly prefix?: string;
  };
  readonly timeout?: TimeInput;
  readonly sync?: TimeInput;
}

/** When a credential begins and ends to prove something: a date or a time. */
export interface LifeInput {
  readonly notBefore?: string;
  readonly expires?: string;
}

/** A consumer as it is written. */
export interface ConsumerInput {
  readonly name: string;
  readonly groups?: readonly string[];
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly permissions?: readonly {
    readonly methods?: readonly string[];
    readonly paths?: readonly string[];
  }[];
  readonly keys?: readonly (LifeInput & { readonly id?: string; readonly hash: string })[];
  readonly basic?: readonly (LifeInput & { readonly username: string; readonly hash: string })[];
  readonly hmac?: readonly (LifeInput & { readonly id: string; readonly secret: string })[];
  readonly signatures?: readonly (LifeInput & {
    readonly id: string;
    readonly publicKey: string | Readonly<Record<string, unknown>>;
  })[];
  readonly subjects?: readonly { readonly issuer: string; readonly subject: string }[];
  /** Each with one of fingerprint, san and subject. */
  readonly certificates?: readonly (LifeInput & {
    readonly fingerprint?: string;
    readonly san?: string;
    readonly subject?: string;
  })[];
}

/** A config as it is written; the reference says what each key means. */
export interface ConfigInput {
  readonly admin?: string;
  readonly workers?: "auto" | number;
  readonly listeners: readonly ListenerInput[];
  readonly limits?: LimitsInput;
  readonly paths?: {
    readonly slashes?: "merge" | "keep" | "refuse";
    readonly encodedSlash?: "keep" | "decode" | "refuse";
  };
  readonly routes?: readonly RouteInput[];
  readonly services?: Readonly<Record<string, ServiceInput>>;
  /** Where limits and what else gateways share is kept, by name. */
  readonly stores?: Readonly<Record<string, StoreInput>>;
  /** Who may call, and what proves it. */
  readonly consumers?: readonly ConsumerInput[];
  /** Files with further consumers, one a line in JSON. */
  readonly consumerFiles?: readonly string[];
  readonly policies?: readonly PolicyInput[];
  readonly policyTimeout?: TimeInput;
  readonly stopTimeout?: TimeInput;
  readonly metricSeries?: number;
  /** Keys that the gateway's own memory counts at once, in each of its tables. */
  readonly limitEntries?: number;
  /** Folder for what outlives a restart, relative to the config's file. */
  readonly state?: string;
}

/** Gives a config in TypeScript its types: `export const config = defineConfig({ … })`. It is checked when it is loaded. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
