export declare function pieces(list: readonly string[], trailers?: Readonly<Record<string, string>>): BodySource;
export interface SentRequest {
    readonly endpoint: string;
    readonly method: string;
    readonly target: string;
    readonly fields: ReadonlyFields;
    readonly body: Buffer;
    readonly trailers: ReadonlyFields | undefined;
    readonly signal: AbortSignal;
}
export type ServiceFunction = (request: SentRequest) => Reply | Failure | Promise<Reply | Failure>;
export interface TestRequest {
    readonly method?: string;
    readonly target?: string;
    readonly host?: string;
    readonly fields?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array | readonly string[];
    readonly trailers?: Readonly<Record<string, string>>;
}
export declare function testClock(wall?: number): Clock & {
    advance(milliseconds: number): void;
};
