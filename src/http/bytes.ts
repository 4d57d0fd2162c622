declare global {
  interface Buffer {
    /** Node's own, without the checks of toString("latin1", …). */
    latin1Slice(start: number, end: number): string;
    /** Node's own, without the checks of write(…, "latin1"); returns the octets written. */
    latin1Write(text: string, at: number, length: number): number;
  }
}

/** Octets that HTTP's grammar names. */
export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;

/** 1 for an octet of `tchar` (RFC 9110 §5.6.2). */
export const TOKEN: Uint8Array = table(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

/** 1 for an octet that RFC 3986 allows in a path or query; 2 for one that browsers and tools send there all the same. */
export const TARGET: Uint8Array = table(
  "!$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~",
);
for (const tolerated of '"<>[\\]^`{|}') TARGET[tolerated.charCodeAt(0)] = 2;

function table(chars: string): Uint8Array {
  const made = new Uint8Array(256);
  for (const char of chars) made[char.charCodeAt(0)] = 1;
  return made;
}
