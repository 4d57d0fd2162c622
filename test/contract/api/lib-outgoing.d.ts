export declare class Outgoing {
    method: string;
    authority: string;
    path: string;
    query: string;
    readonly fields: Fields;
    body: Body | undefined;
    upgrade: string | undefined;
    takesTrailers: boolean;
    constructor(method: string, authority: string, path: string, query: string, fields: Fields, body: Body | undefined);
    clone(): Outgoing;
}
