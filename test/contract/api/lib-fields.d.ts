export interface ReadonlyFields {
    get(name: string): string | undefined;
    all(name: string): string[];
    has(name: string): boolean;
    entries(): Iterable<[name: string, value: string]>;
    clone(): Fields;
}
export declare class Fields implements ReadonlyFields {
    #private;
    readonly text: string;
    readonly marks: readonly number[];
    readonly kinds: number;
    dropped: number;
    constructor(text?: string, marks?: readonly number[], kinds?: number);
    static from(pairs: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): Fields;
    get(name: string): string | undefined;
    all(name: string): string[];
    only(kind: number): string | undefined;
    onlyIs(kind: number, value: string, lower?: boolean): boolean;
    has(name: string): boolean;
    entries(): IterableIterator<[string, string]>;
    clone(): Fields;
    set(name: string, value: string): void;
    append(name: string, value: string): void;
    put(name: string, value: string): void;
    putBlock(block: FieldBlock): void;
    remove(name: string): void;
    leaveOut(kinds: number): void;
    dropHopByHop(): void;
    toText(): string;
}
