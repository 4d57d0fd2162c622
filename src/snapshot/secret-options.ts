import type { Origin } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { holdsSecrets, secretsIn } from "../config/secret-options.ts";
import { keepSecrets, secretsOf, textsOfSecret } from "../config/secrets.ts";
import type { PolicyCatalog } from "./compile-policies.ts";
import { eachPolicy } from "./policy-entries.ts";

/** Keeps with a config's secrets what stands in options that their policies mark as secret, however it was written. */
export function noteSecretOptions(config: Config, catalog: PolicyCatalog, file: string): void {
  const marked = new Map(
    [...catalog].flatMap(([name, { options }]) => (holdsSecrets(options) ? [[name, options] as const] : [])),
  );
  if (marked.size === 0) return;
  const before = secretsOf(config);
  const known = new Set(before.texts);
  const texts = new Set<string>();
  const places: Origin[] = [];
  eachPolicy(config, file, (entry, place) => {
    for (const name in entry) {
      const options = marked.get(name);
      if (options === undefined) continue;
      for (const found of secretsIn(options, entry[name])) {
        if (found.texts.every((text) => known.has(text))) continue;
        const origin = place();
        places.push({ file: origin.file, path: [...origin.path, name, ...found.path] });
        for (const text of found.texts) for (const form of textsOfSecret(text)) texts.add(form);
      }
    }
  });
  if (places.length === 0) return;
  // The longest first: one may stand within another.
  const all = [...known.union(texts)].sort((a, b) => b.length - a.length);
  keepSecrets(config, { places: [...before.places, ...places], texts: all });
}
