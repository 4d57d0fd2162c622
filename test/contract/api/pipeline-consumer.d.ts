export interface Consumer {
    readonly name: string;
    readonly groups?: readonly string[];
    readonly tags?: readonly string[];
    readonly metadata?: Readonly<Record<string, unknown>>;
    readonly permissions?: readonly Permission[];
}
export interface Consumers {
    readonly size: number;
    named(name: string): Consumer | undefined;
    find(kind: CredentialKind, by: string): Credential | undefined;
    findKey(key: string): Credential | undefined;
    readonly anyPassword?: Credential | undefined;
}
export interface Credential {
    readonly id: string;
    readonly consumer: Consumer;
    readonly notBefore: number;
    readonly expires: number;
    readonly proof: string;
}
export type CredentialKind = "key" | "basic" | "hmac" | "signature" | "subject" | "certificate";
export interface Permission {
    readonly methods: readonly string[];
    readonly paths: readonly string[];
}
