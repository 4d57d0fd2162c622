export declare function runOnWire<Options extends z.ZodType>(definition: PolicyDefinition<Options>, options: z.input<Options>, request?: TestRequest, service?: ServiceFunction): Promise<PolicyRun>;
