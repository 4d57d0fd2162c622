export interface Gauge {
    enter(key: string, max: number): boolean | Promise<boolean>;
    leave(key: string): void;
    close(): void;
}
export interface LimitDecision {
    readonly allowed: boolean;
    readonly retryAfter: number;
    readonly delay: number;
    readonly states: readonly LimitState[];
    readonly degraded?: true;
}
export interface Limiter {
    take(key: string, cost: number): LimitDecision | Promise<LimitDecision>;
    add(key: string, cost: number): void;
    close(): void;
}
export interface LimitRule {
    readonly algorithm: LimitAlgorithm;
    readonly limit: number;
    readonly window: number;
    readonly burst: number;
    readonly calendar?: (wall: number) => readonly [from: number, to: number];
}
export interface LimitState {
    readonly rule: LimitRule;
    readonly remaining: number;
    readonly reset: number;
}
export declare class StoreDown extends Error {
    constructor(message: string, options?: ErrorOptions);
}
