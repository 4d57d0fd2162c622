export type Chunk = Uint8Array | string;
export interface BodyFailure {
    readonly code: string;
    readonly detail?: string | undefined;
}
export interface BodySink {
    data(chunk: Chunk): boolean;
    end(trailers?: Fields): void;
    fail(failure: BodyFailure): void;
}
export interface BodySource {
    readonly length: number | undefined;
    start(sink: BodySink): void;
    resume(): void;
    cancel(): void;
}
export declare class HeldBody {
    #private;
    readonly trailers: Fields | undefined;
    constructor(content: Chunk, trailers?: Fields);
    static fromText(text: string): HeldBody;
    get length(): number;
    get content(): Chunk;
    bytes(): Uint8Array;
}
export type Body = HeldBody | BodySource;
export declare function ownedCopy(chunk: Chunk): Uint8Array;
export declare function startBody(body: Body, sink: BodySink): void;
export declare class Collector implements BodySink {
    #private;
    constructor(source: BodySource, max: number, done: (result: HeldBody | BodyFailure) => void);
    data(chunk: Chunk): boolean;
    end(trailers?: Fields): void;
    fail(failure: BodyFailure): void;
}
