import { CODE_LENGTHS, CODES, EOS } from "./huffman-code.ts";

/** An entry of STEPS: the next state in the low byte, flags, the octet that the step completes. */
const EMITS = 0x100;
const FAILS = 0x200;
const OCTET = 10;

/** States are the inner nodes of the code's tree: 257 leaves have 256 of them. */
const STATES = 256;

const tree = growTree();

/** What four more bits do in a state: no code is shorter than five bits, so a step completes one octet at most. */
const STEPS: Uint32Array = makeSteps();

/** 1 for a state in which a string may end: fewer than eight bits of padding, all ones (RFC 7541 §5.2). */
const ENDS: Uint8Array = makeEnds();

let room = Buffer.allocUnsafeSlow(4_096);

/** The text, Latin-1, that stands Huffman-coded in `bytes[from, to)`; undefined when it is not well-formed (RFC 7541 §5.2). */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  const most = Math.floor(((to - from) * 8) / 5);
  if (most > room.length) room = Buffer.allocUnsafeSlow(most * 2);
  const out = room;
  const steps = STEPS;
  let size = 0;
  let state = 0;
  for (let at = from; at < to; at++) {
    const octet = bytes[at]!;
    const high = steps[(state << 4) | (octet >> 4)]!;
    if ((high & EMITS) !== 0) out[size++] = high >> OCTET;
    const low = steps[((high & 0xff) << 4) | (octet & 0x0f)]!;
    if ((low & EMITS) !== 0) out[size++] = low >> OCTET;
    if (((high | low) & FAILS) !== 0) return undefined;
    state = low & 0xff;
  }
  return ENDS[state] === 1 ? out.latin1Slice(0, size) : undefined;
}

/** Octets that a Latin-1 text takes when it is Huffman-coded. */
export function huffmanLength(text: string): number {
  const lengths = CODE_LENGTHS;
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes a Latin-1 text Huffman-coded; returns the position behind it. */
export function encodeHuffman(text: string, out: Uint8Array, from: number): number {
  const lengths = CODE_LENGTHS;
  const codes = CODES;
  let at = from;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let code = codes[symbol]!;
    let length = lengths[symbol]!;
    if (length > 16) {
      // Rare; in two parts, so that all fits in 32 bits.
      length -= 16;
      bits = (bits << length) | (code >>> 16);
      count += length;
      while (count >= 8) {
        count -= 8;
        out[at++] = bits >>> count;
      }
      code &= 0xffff;
      length = 16;
    }
    bits = (bits << length) | code;
    count += length;
    while (count >= 8) {
      count -= 8;
      out[at++] = bits >>> count;
    }
  }
  if (count > 0) out[at++] = (bits << (8 - count)) | (0xff >> count);
  return at;
}

/** Two children a node: another node, or `-1 - symbol`. */
function growTree(): Int16Array {
  const children = new Int16Array(STATES * 2);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit >= 0; bit--) {
      const place = node * 2 + ((CODES[symbol]! >>> bit) & 1);
      if (bit === 0) children[place] = -1 - symbol;
      else if (children[place] === 0) children[place] = nodes++;
      node = children[place]!;
    }
  }
  return children;
}

function makeSteps(): Uint32Array {
  const steps = new Uint32Array(STATES * 16);
  for (let state = 0; state < STATES; state++)
    for (let nibble = 0; nibble < 16; nibble++) steps[state * 16 + nibble] = step(state, nibble);
  return steps;
}

function step(state: number, nibble: number): number {
  let node = state;
  let flags = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = tree[node * 2 + ((nibble >> bit) & 1)]!;
    if (node >= 0) continue;
    const symbol = -1 - node;
    if (symbol === EOS) return FAILS;
    flags = EMITS | (symbol << OCTET);
    node = 0;
  }
  return flags | node;
}

function makeEnds(): Uint8Array {
  const ends = new Uint8Array(STATES);
  let node = 0;
  for (let ones = 0; ones < 8; ones++) {
    ends[node] = 1;
    node = tree[node * 2 + 1]!;
  }
  return ends;
}
