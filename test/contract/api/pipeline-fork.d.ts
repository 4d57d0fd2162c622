export interface ForkOptions {
    readonly detached?: boolean;
}
export interface ForkRequest {
    readonly method?: string;
    readonly authority?: string;
    readonly target?: string;
    readonly fields?: ReadonlyFields;
    readonly body?: Body;
}
