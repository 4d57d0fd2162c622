export interface MemoryReply {
    readonly status: number;
    readonly fields: ReadonlyFields;
    readonly body: Uint8Array;
    readonly trailers: ReadonlyFields | undefined;
    readonly informational: readonly {
        readonly status: number;
        readonly fields: ReadonlyFields;
    }[];
}
