export declare class RequestHead {
    readonly method: string;
    readonly scheme: string;
    readonly authority: string;
    path: string;
    readonly writtenPath: string;
    readonly query: string;
    readonly fields: Fields;
    version: number;
    upgrade: string | undefined;
    expectsContinue: boolean;
    takesTrailers: boolean;
    body: Body | undefined;
    constructor(method: string, scheme: string, authority: string, path: string, query: string, fields: Fields);
    field(name: string): string | undefined;
}
export type ReceivedRequest = Readonly<Omit<RequestHead, "fields">> & {
    readonly fields: ReadonlyFields;
};
export interface Downstream {
    readonly peer: Peer;
    informational(status: number, fields: Fields): void;
    send(reply: Reply): void;
    reset(): void;
    goAway(graceMs: number, code?: number, reason?: string): void;
}
export interface Peer {
    readonly address: string;
    readonly port: number;
    readonly listener: string;
    readonly trusted: boolean;
    readonly secure: boolean;
    readonly tls?: PeerTls | undefined;
    readonly hsts?: string | undefined;
    readonly trusts: (address: string) => boolean;
}
export interface PeerTls {
    readonly serverName: string;
    readonly protocol: string;
    readonly cipher: string;
    readonly alpn: string;
    readonly certificate: ClientCertificate | undefined;
}
export interface ClientCertificate {
    readonly subject: string;
    readonly issuer: string;
    readonly names: readonly string[];
    readonly spiffeId: string | undefined;
    readonly fingerprint: string;
    readonly serial: string;
    readonly notAfter: number;
    readonly der: string;
    readonly chain: readonly string[];
}
export interface DownstreamEvents {
    sent(complete: boolean, bytes: number, failure: string | undefined): void;
    left(bytes: number): void;
}
