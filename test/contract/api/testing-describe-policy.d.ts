export declare function describePolicy<Options extends z.ZodType>(definition: PolicyDefinition<Options>, { refused, steps, wire, consumers, beside }: PolicyCases<z.input<Options>>): void;
export interface PolicyCase<Options> extends Pick<MemoryGatewayOptions, "clock" | "peer" | "outside" | "store"> {
    readonly title: string;
    readonly options: Options;
    readonly request?: TestRequest;
    readonly service?: ServiceFunction;
    check(run: PolicyRun): void | Promise<void>;
}
export interface PolicyCases<Options> {
    readonly consumers?: readonly object[];
    readonly beside?: readonly PolicyDefinition[];
    readonly refused: readonly {
        readonly options: unknown;
        readonly message: RegExp;
    }[];
    readonly steps: readonly PolicyCase<Options>[];
    readonly wire: Omit<PolicyCase<Options>, "clock" | "peer" | "outside" | "store">;
}
