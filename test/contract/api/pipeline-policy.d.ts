export type Verdict = undefined | Reply;
export type Step = (x: Exchange) => Verdict | undefined | Promise<Verdict> | undefined;
export type AttemptStep = (x: Exchange, attempt: AttemptView) => undefined | Promise<void> | Promise<Verdict> | void;
export type ResponseStep = (x: Exchange, reply: Reply) => Verdict | Promise<Verdict> | undefined;
export type RecoverStep = (x: Exchange, failure: Failure) => Verdict | Promise<Verdict> | undefined;
export type BodyStep = (x: Exchange) => BodyTransform | undefined;
export interface BodyTransform {
    chunk(bytes: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined>;
    end?(trailers: Fields | undefined): Uint8Array | undefined | Promise<Uint8Array | undefined>;
    fail?(failure: BodyFailure): void;
}
export type BodyNeed = "none" | "tap" | "stream" | "buffer";
export interface BodyNeeds {
    readonly request?: BodyNeed;
    readonly response?: BodyNeed;
    readonly max?: number;
}
export interface PolicySteps {
    readonly body?: BodyNeeds;
    readonly request?: Step;
    readonly attempt?: AttemptStep;
    readonly response?: ResponseStep;
    readonly recover?: RecoverStep;
    readonly requestBody?: BodyStep;
    readonly responseBody?: BodyStep;
    readonly log?: (x: Exchange) => void;
    readonly close?: () => void;
}
export interface AttemptView {
    readonly number: number;
    readonly endpoint: string;
    readonly request: Outgoing;
}
export interface Slot<T> {
    get(x: Exchange): T | undefined;
    set(x: Exchange, value: T): void;
}
export interface PolicyEnv {
    readonly owner: string;
    readonly place: string;
    readonly clock: Clock;
    random(): number;
    slot<T>(): Slot<T>;
    lines(target: string): Lines;
    tell(line: string): void;
    readonly caller: Caller;
    needs(kind: "consumer" | "service" | "store", name: string): void;
    limiter(store: string, space: string, rules: readonly LimitRule[]): Limiter;
    gauge(store: string, space: string, lease: number): Gauge;
    keep<T extends Kept>(key: string, make: () => T): T;
    authenticator(entry: Readonly<Record<string, unknown>>): Authenticator;
}
export interface Kept {
    close?(): void;
}
export interface PolicyDefinition<Options extends z.ZodType = z.ZodType> {
    readonly name: string;
    readonly phase: Phase;
    readonly options: Options;
    readonly answers?: boolean;
    readonly reasons?: Readonly<Record<string, ReasonSpec>>;
    compile(options: z.output<Options>, env: PolicyEnv): Step | PolicySteps;
}
export declare function definePolicy<Options extends z.ZodType>(definition: PolicyDefinition<Options>): PolicyDefinition<Options>;
