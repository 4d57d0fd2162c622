/** The word of a list that a misspelt one most likely means; undefined when none is near. */
export function nearest(word: string, among: readonly string[]): string | undefined {
  let best: string | undefined;
  // A third of the letters may be wrong: more is another word.
  let least = Math.floor(word.length / 3) + 1;
  for (const candidate of among) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const steps = distance(word.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}

/** How many letters must be put in, taken out, replaced or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/** Words of other gateways for what has another name here. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  service: ["upstream", "backend", "cluster", "target", "proxy_pass", "to", "url"],
  services: ["upstreams", "backends", "clusters"],
  endpoints: ["targets", "servers", "nodes", "destinations", "urls", "loadBalancer"],
  policies: ["plugins", "middlewares", "filters", "handlers", "transforms"],
  listeners: ["entrypoints", "entryPoints", "servers", "binds", "listen"],
  routes: ["routers", "rules", "locations", "virtualHosts"],
  host: ["hosts", "hostname", "hostnames", "domains", "server_name"],
  path: ["paths", "uri", "prefix", "location"],
  method: ["methods", "verb", "verbs"],
  when: ["expression", "condition", "if"],
  from: ["sourceIp", "clientIp", "remoteAddress", "cidr"],
  address: ["port", "listen", "bind"],
  split: ["weighted", "weightedClusters", "backendRefs"],
  rewrite: ["stripPrefix", "strip_path", "replacePath"],
  endpoint: ["upstream"],
};

/** What an unknown key is called here, by its spelling or by its meaning elsewhere. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  return nearest(word, known) ?? known.find((name) => FOREIGN[name]?.includes(word));
}
