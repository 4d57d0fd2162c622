export declare class Exchange implements DownstreamEvents {
    #private;
    readonly snapshot: Snapshot;
    readonly downstream: Downstream;
    readonly request: ReceivedRequest;
    id: string;
    clientAddress: string;
    readonly startedAt: number;
    readonly depth: number;
    route: Route;
    pattern: PathPattern | undefined;
    outgoing: Outgoing;
    consumer: Consumer | undefined;
    credential: string | undefined;
    claims: Readonly<Record<string, unknown>> | undefined;
    attempts: number;
    endpoint: string | undefined;
    answeredAt: number;
    forwardedAt: number;
    sentAt: number;
    reply: Reply | undefined;
    outcome: Outcome | undefined;
    deadline: number;
    constructor(snapshot: Snapshot, downstream: Downstream, request: ReceivedRequest, depth?: number);
    get listener(): string;
    get tls(): PeerTls | undefined;
    get clientCertificate(): ClientCertificate | undefined;
    get params(): Readonly<Record<string, string>>;
    get ended(): boolean;
    get failure(): Failure | undefined;
    reject(code: string, detail?: string): Reply;
    fail(failure: Failure): Reply;
    onAbort(fn: () => void): void;
    fork(request: ForkRequest, options?: ForkOptions): Promise<MemoryReply>;
    sent(complete: boolean, bytes: number, failure: string | undefined): void;
    left(bytes: number): void;
}
export interface Outcome {
    readonly status: number;
    readonly complete: boolean;
    readonly bytes: number;
    readonly reason: string | undefined;
    readonly duration: number;
    readonly grpcStatus: number | undefined;
}
