export interface Clock {
    now(): number;
    wall(): number;
}
