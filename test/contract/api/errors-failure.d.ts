export declare class Failure implements BodyFailure {
    readonly code: string;
    readonly detail: string | undefined;
    readonly cause: unknown;
    constructor(code: string, detail?: string, cause?: unknown);
}
