export interface Caller {
    call(request: CallRequest): Promise<CallReply>;
}
export interface CallReply {
    readonly status: number;
    readonly fields: ReadonlyFields;
    readonly body: Uint8Array;
    readonly trailers: ReadonlyFields | undefined;
}
export interface CallRequest {
    readonly to: {
        readonly service: string;
        readonly path: string;
    } | {
        readonly url: string;
    };
    readonly method?: string;
    readonly fields?: Fields;
    readonly authority?: string;
    readonly body?: Uint8Array | string;
    readonly timeout: number;
    readonly max?: number;
}
export declare class CallFailed extends Error {
    readonly code: string;
    constructor(code: string, message: string, options?: ErrorOptions);
}
