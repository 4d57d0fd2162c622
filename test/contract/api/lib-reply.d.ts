export declare class Reply {
    #private;
    status: number;
    phrase: string | undefined;
    readonly fields: Fields;
    body: Body | undefined;
    tunnel: Tunnel | undefined;
    reason: string | undefined;
    constructor(status: number, fields?: Fields, body?: Body);
    static text(status: number, text: string, fields?: Readonly<Record<string, string>>): Reply;
    static json(status: number, value: unknown, fields?: Readonly<Record<string, string>>): Reply;
    own(): Reply;
    discard(successor?: Reply): void;
    hold(max: number): Promise<BodyFailure | undefined>;
}
