export interface MemoryExchange {
    readonly exchange: Exchange;
    readonly reply: Promise<MemoryReply>;
    leave(): void;
}
export interface MemoryGateway {
    begin(request?: TestRequest): MemoryExchange;
    send(request?: TestRequest): Promise<PolicyRun>;
    readonly sent: readonly SentRequest[];
    readonly failures: readonly Failure[];
    readonly lines: readonly string[];
    readonly ended: readonly Exchange[];
    close(): void;
}
export interface MemoryGatewayOptions {
    readonly policies: readonly PolicyDefinition[];
    readonly config?: object;
    readonly service?: ServiceFunction;
    readonly clock?: Clock;
    readonly outside?: (request: CallRequest) => CallReply | Promise<CallReply>;
    readonly store?: (name: string) => LimitStore | undefined;
    readonly peer?: Partial<Peer>;
}
export declare function memoryGateway(options: MemoryGatewayOptions): MemoryGateway;
export interface PolicyRun {
    readonly reply: MemoryReply;
    readonly sent: readonly SentRequest[];
    readonly exchange: Exchange;
}
export declare function runPolicy<Options extends z.ZodType>(definition: PolicyDefinition<Options>, options: z.input<Options>, request?: TestRequest, around?: Omit<MemoryGatewayOptions, "policies" | "config"> & PolicyCompany): Promise<PolicyRun>;
