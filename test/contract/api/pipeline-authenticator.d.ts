export type Authentication = Identity | Denied | Reply | undefined;
export interface Authenticator extends Pick<PolicySteps, "body" | "response" | "log" | "close"> {
    readonly cleanse?: (x: Exchange) => void;
    readonly hide?: (x: Exchange) => void;
    authenticate(x: Exchange): Authentication | Promise<Authentication>;
    readonly missing: string;
    readonly challenge?: string;
    readonly readsBody?: boolean;
}
export interface AuthenticatorDefinition<Options extends z.ZodObject = z.ZodObject> extends Omit<PolicyDefinition<Options>, "compile" | "phase" | "answers" | "authenticator"> {
    compile(options: z.output<Options>, env: PolicyEnv): Authenticator;
}
export interface Identity {
    readonly consumer?: Consumer | undefined;
    readonly credential?: string | undefined;
    readonly claims?: Readonly<Record<string, unknown>> | undefined;
    readonly hide?: ((x: Exchange) => void) | undefined;
    readonly forward?: ((x: Exchange) => void) | undefined;
    readonly confirm?: BodyCheck | undefined;
}
export declare class Denied {
    readonly code: string;
    readonly detail: string | undefined;
    readonly challenge: string | undefined;
    readonly reply: Reply | undefined;
    constructor(code: string, detail?: string, challenge?: string, reply?: Reply);
}
export declare function defineAuthenticator<Options extends z.ZodObject>(definition: AuthenticatorDefinition<Options>): PolicyDefinition;
