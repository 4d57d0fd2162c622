export type ConditionInput = string | {
    readonly regex: string;
} | {
    readonly present: boolean;
};
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
    readonly stores?: Readonly<Record<string, StoreInput>>;
    readonly consumers?: readonly ConsumerInput[];
    readonly consumerFiles?: readonly string[];
    readonly policies?: readonly PolicyInput[];
    readonly policyTimeout?: TimeInput;
    readonly stopTimeout?: TimeInput;
    readonly metricSeries?: number;
    readonly limitEntries?: number;
    readonly state?: string;
}
export interface ConsumerInput {
    readonly name: string;
    readonly groups?: readonly string[];
    readonly tags?: readonly string[];
    readonly metadata?: Readonly<Record<string, unknown>>;
    readonly permissions?: readonly {
        readonly methods?: readonly string[];
        readonly paths?: readonly string[];
    }[];
    readonly keys?: readonly (LifeInput & {
        readonly id?: string;
        readonly hash: string;
    })[];
    readonly basic?: readonly (LifeInput & {
        readonly username: string;
        readonly hash: string;
    })[];
    readonly hmac?: readonly (LifeInput & {
        readonly id: string;
        readonly secret: string;
    })[];
    readonly signatures?: readonly (LifeInput & {
        readonly id: string;
        readonly publicKey: string | Readonly<Record<string, unknown>>;
    })[];
    readonly subjects?: readonly {
        readonly issuer: string;
        readonly subject: string;
    }[];
    readonly certificates?: readonly (LifeInput & {
        readonly fingerprint?: string;
        readonly san?: string;
        readonly subject?: string;
    })[];
}
export interface LifeInput {
    readonly notBefore?: string;
    readonly expires?: string;
}
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
export interface ListenerInput {
    readonly name: string;
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
    readonly tcp?: {
        readonly service?: string;
        readonly sni?: Readonly<Record<string, string>>;
        readonly default?: string;
        readonly idleTimeout?: TimeInput;
    };
    readonly redirectToHttps?: boolean | number;
}
export interface MatchInput {
    readonly host?: OneOrMany<string>;
    readonly path?: OneOrMany<string | {
        readonly regex: string;
    }>;
    readonly method?: OneOrMany<string>;
    readonly headers?: Readonly<Record<string, ConditionInput>>;
    readonly query?: Readonly<Record<string, ConditionInput>>;
    readonly cookies?: Readonly<Record<string, ConditionInput>>;
    readonly from?: readonly string[];
    readonly when?: string;
}
export interface MessagesInput {
    readonly maxMessage?: string | number;
    readonly maxFrame?: string | number;
    readonly messagesPerSecond?: number;
    readonly burst?: number;
    readonly onExcess?: "close" | "delay";
    readonly kinds?: readonly ("text" | "binary")[];
    readonly utf8?: boolean;
    readonly schema?: boolean | {
        readonly [keyword: string]: unknown;
    };
    readonly onInvalid?: "close" | "drop";
}
export type OneOrMany<T> = T | readonly T[];
export type PolicyInput = Readonly<Record<string, unknown>>;
export interface RewriteInput {
    readonly prefix?: string;
    readonly path?: string;
    readonly regex?: {
        readonly match: string;
        readonly to: string;
    };
    readonly host?: string;
}
export interface RouteInput {
    readonly name: string;
    readonly match?: OneOrMany<MatchInput>;
    readonly listeners?: OneOrMany<string>;
    readonly priority?: number;
    readonly service?: string;
    readonly split?: readonly SplitInput[];
    readonly rewrite?: RewriteInput;
    readonly timeout?: TimeInput;
    readonly tunnels?: "keep" | "close" | {
        readonly drain: TimeInput;
    };
    readonly websocket?: WebSocketInput;
    readonly buffer?: {
        readonly request?: boolean | string | number;
        readonly response?: boolean | string | number;
    };
    readonly policies?: readonly PolicyInput[];
    readonly routes?: readonly RouteInput[];
    readonly include?: string;
}
export interface ServiceInput {
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
export interface SplitInput {
    readonly service: string;
    readonly weight?: number;
    readonly policies?: readonly PolicyInput[];
}
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
export type TimeInput = string | number;
export interface WebSocketInput {
    readonly origins?: readonly (string | {
        readonly regex: string;
    })[];
    readonly idleTimeout?: TimeInput;
    readonly maxLifetime?: TimeInput;
    readonly grace?: TimeInput;
    readonly fromClient?: MessagesInput;
    readonly fromService?: MessagesInput;
}
export declare function defineConfig(config: ConfigInput): ConfigInput;
