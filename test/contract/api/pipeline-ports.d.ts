export interface RouteFacts {
    readonly request: ReceivedRequest;
    readonly clientAddress: string;
    readonly listener: string;
    readonly tls?: PeerTls | undefined;
}
export interface Router {
    match(facts: RouteFacts): Match;
}
export interface Forwarder {
    forward(x: Exchange, done: (result: Reply | Failure) => void): void;
}
export interface Meter {
    record(x: Exchange): void;
}
export interface Sink {
    failure(x: Exchange, failure: Failure): void;
}
export interface Lines {
    write(line: string): void;
}
export interface OpenLines extends Lines {
    close(): void;
}
export interface LineTargets {
    open(target: string): OpenLines;
}
export interface Snapshot {
    readonly router: Router;
    readonly refused: Route;
    readonly forwarder: Forwarder;
    readonly meter: Meter;
    readonly sink: Sink;
    readonly clock: Clock;
    readonly consumers: Consumers;
    readonly reasons: Readonly<Record<string, ReasonSpec>>;
    readonly use: {
        exchanges: number;
        calls: number;
        whenUnused: (() => void) | undefined;
    };
    readonly forks: Set<{
        leave(): void;
    }>;
    readonly policyTimeout: number;
}
