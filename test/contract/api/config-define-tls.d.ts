export interface AcmeInput {
    readonly hosts: readonly string[];
    readonly email?: string;
    readonly directory?: string;
    readonly ca?: string;
    readonly storage?: string;
    readonly challenge?: "http-01" | "tls-alpn-01";
    readonly terms: true;
    readonly binding?: {
        readonly kid: string;
        readonly key: string;
    };
}
export type CertificateInput = {
    readonly cert: string;
    readonly key: string;
    readonly ocsp?: string;
    readonly hosts?: readonly string[];
} | {
    readonly source: string;
    readonly options?: unknown;
    readonly hosts?: readonly string[];
};
export interface ClientsInput {
    readonly hosts?: readonly string[];
    readonly verify?: "required" | "optional";
    readonly ca: string;
    readonly crl?: string;
}
export interface HstsInput {
    readonly maxAge: TimeInput;
    readonly includeSubdomains?: boolean;
    readonly preload?: boolean;
}
export interface ServiceTlsInput {
    readonly ca?: string;
    readonly serverName?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly pins?: readonly string[];
    readonly minVersion?: "1.2" | "1.3";
    readonly verify?: boolean;
}
export interface TlsInput {
    readonly certificates?: readonly CertificateInput[];
    readonly acme?: AcmeInput;
    readonly minVersion?: "1.2" | "1.3";
    readonly ciphers?: readonly string[];
    readonly curves?: readonly string[];
    readonly alpn?: readonly ("h2" | "http/1.1")[];
    readonly clients?: readonly ClientsInput[];
    readonly tickets?: {
        readonly key?: string;
    };
    readonly hsts?: TimeInput | HstsInput;
}
