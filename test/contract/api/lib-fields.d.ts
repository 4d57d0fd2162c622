export interface ReadonlyFields {
    get(name: string): string | undefined;
    all(name: string): string[];
    has(name: string): boolean;
    entries(): Iterable<[name: string, value: string]>;
    clone(): Fields;
}
export declare class Fields implements ReadonlyFields {
    #private;
    constructor(text?: string, marks?: readonly number[], kinds?: number);
    static from(pairs: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): Fields;
    get(name: string): string | undefined;
    all(name: string): string[];
    has(name: string): boolean;
    entries(): IterableIterator<[string, string]>;
    clone(): Fields;
    set(name: string, value: string): void;
    append(name: string, value: string): void;
    remove(name: string): void;
}
