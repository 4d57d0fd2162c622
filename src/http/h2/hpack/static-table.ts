/** Fields of the static table from index 1 on: name, value, name, value … (RFC 7541, appendix A). */
const PAIRS: readonly string[] = [
  ...[":authority", "", ":method", "GET", ":method", "POST", ":path", "/", ":path", "/index.html"],
  ...[":scheme", "http", ":scheme", "https", ":status", "200", ":status", "204", ":status", "206"],
  ...[":status", "304", ":status", "400", ":status", "404", ":status", "500", "accept-charset", ""],
  ...["accept-encoding", "gzip, deflate", "accept-language", "", "accept-ranges", "", "accept", ""],
  ...["access-control-allow-origin", "", "age", "", "allow", "", "authorization", "", "cache-control", ""],
  ...["content-disposition", "", "content-encoding", "", "content-language", "", "content-length", ""],
  ...["content-location", "", "content-range", "", "content-type", "", "cookie", "", "date", "", "etag", ""],
  ...["expect", "", "expires", "", "from", "", "host", "", "if-match", "", "if-modified-since", ""],
  ...["if-none-match", "", "if-range", "", "if-unmodified-since", "", "last-modified", "", "link", ""],
  ...["location", "", "max-forwards", "", "proxy-authenticate", "", "proxy-authorization", "", "range", ""],
  ...["referer", "", "refresh", "", "retry-after", "", "server", "", "set-cookie", ""],
  ...["strict-transport-security", "", "transfer-encoding", "", "user-agent", "", "vary", "", "via", ""],
  ...["www-authenticate", ""],
];

/** Entries of the static table; the dynamic table's indices begin behind them. */
export const STATIC_ENTRIES = 61;

/** Names by index; the first place is empty, since indices count from 1. */
export const STATIC_NAMES: readonly string[] = ["", ...PAIRS.filter((_, i) => i % 2 === 0)];

/** Values by index. */
export const STATIC_VALUES: readonly string[] = ["", ...PAIRS.filter((_, i) => i % 2 === 1)];

/** The first index of each name. */
export const STATIC_INDEX: ReadonlyMap<string, number> = new Map(
  STATIC_NAMES.map((name, index) => [name, index] as const)
    .slice(1)
    .reverse(),
);
