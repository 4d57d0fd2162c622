/** A media type with its parameters (RFC 9110 §8.3.1); all but the parameters' values in lower case. */
export interface MediaType {
  /** "application/json" */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TYPE = new RegExp(`^(${TOKEN}/${TOKEN})[ \\t]*(?=;|$)`);
const PARAMETER = new RegExp(
  `;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*(?=;|$)`,
  "y",
);

/** Reads a media type; undefined for what is none, or names a parameter twice. */
export function parseMediaType(text: string): MediaType | undefined {
  const type = TYPE.exec(text);
  if (type === null) return undefined;
  const parameters = new Map<string, string>();
  let at = type[0].length;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(text);
    if (found === null) return undefined;
    at = PARAMETER.lastIndex;
    const name = found[1]?.toLowerCase();
    if (name === undefined) continue;
    if (parameters.has(name)) return undefined;
    parameters.set(name, found[2] ?? found[3]!.replace(/\\(.)/g, "$1"));
  }
  return { type: type[1]!.toLowerCase(), parameters };
}

/**
 * Whether a media type is one of those written: `application/json`, `image/*`, `application/*+json` for all with that suffix,
 * and a star for both parts. Both in lower case.
 */
export function mediaTypeSet(written: readonly string[]): (type: string) => boolean {
  const exact = new Set(written.filter((one) => !one.includes("*")));
  const wild = written.filter((one) => one.includes("*")).map((one) => one.split("*") as [string, string]);
  const all = written.includes("*/*");
  return (type) =>
    all ||
    exact.has(type) ||
    wild.some(
      ([before, after]) =>
        type.length > before.length + after.length && type.startsWith(before) && type.endsWith(after),
    );
}

/** Whether one of the types can be given to who sends this `Accept` (RFC 9110 §12.5.1): `q=0` takes a type away. */
export function accepts(accept: string, types: readonly string[]): boolean {
  const ranges = accept.split(",").flatMap((text) => {
    const range = parseMediaType(text.trim());
    return range === undefined ? [] : [{ type: range.type, weight: Number(range.parameters.get("q") ?? 1) }];
  });
  const weightOf = (type: string): number => {
    const [kind] = type.split("/");
    // The most specific range speaks.
    for (const wanted of [type, `${kind}/*`, "*/*"]) {
      const range = ranges.find((one) => one.type === wanted);
      if (range !== undefined) return Number.isNaN(range.weight) ? 1 : range.weight;
    }
    return 0;
  };
  return types.some((type) => weightOf(type) > 0);
}
