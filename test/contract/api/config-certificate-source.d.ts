export interface CertificateSource<Options extends z.ZodType = z.ZodType> {
    readonly options?: Options;
    read(options: z.output<Options>, request: SourceRequest): SourcedCertificate | Promise<SourcedCertificate>;
}
export interface SourcedCertificate {
    readonly cert: string;
    readonly key: string;
    readonly ocsp?: Uint8Array | undefined;
    readonly refreshAfter?: number | undefined;
}
export interface SourceRequest {
    readonly hosts: readonly string[];
    readonly signal: AbortSignal;
}
export declare function defineCertificateSource<Options extends z.ZodType>(source: CertificateSource<Options>): CertificateSource<Options>;
