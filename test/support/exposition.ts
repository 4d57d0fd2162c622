/** A strict reader of the text format of Prometheus, version 0.0.4. */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?!$)|$)/;

/** Reads metrics; throws an AssertionError for whatever a scraper could stumble on. */
export function parseExposition(text: string): Map<string, Family> {
  assert.ok(text === "" || text.endsWith("\n"), "the last line does not end");
  const families = new Map<string, Family>();
  let current: { name: string; family: Family } | undefined;
  const lines = text.split("\n").slice(0, -1);
  for (const [i, line] of lines.entries()) {
    const [, helpOf, help] = /^# HELP (\S+) (\S.*)$/.exec(line) ?? [];
    if (helpOf !== undefined) {
      const [, typeOf, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[i + 1] ?? "") ?? [];
      assert.equal(typeOf, helpOf, `no TYPE behind: ${line}`);
      assert.ok(!families.has(helpOf), `${helpOf} comes twice`);
      current = { name: helpOf, family: { type: type!, help: help!, samples: [] } };
      families.set(helpOf, current.family);
    } else if (!line.startsWith("# TYPE ")) {
      const sample = parseSample(line);
      assert.ok(current && belongs(sample.name, current.name, current.family.type), `out of place: ${line}`);
      current.family.samples.push(sample);
    }
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function parseSample(line: string): Sample {
  const [, name, labels = "", value = ""] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? (\S+)$/.exec(line) ?? [];
  assert.ok(name !== undefined, `not a sample: ${line}`);
  assert.match(value, /^(?:[+-]?Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/, line);
  const number = value.endsWith("Inf") ? Number(value.replace("Inf", "Infinity")) : Number(value);
  return { name, labels: parseLabels(labels, line), value: number };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const found = LABEL.exec(rest);
    assert.ok(found, `not labels: ${line}`);
    const [whole, name = "", value = ""] = found;
    assert.ok(!(name in labels), `the label ${name} comes twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function belongs(sample: string, family: string, type: string): boolean {
  if (type !== "histogram") return sample === family;
  return ["_bucket", "_sum", "_count"].some((suffix) => sample === family + suffix);
}

function checkFamily(name: string, { type, samples }: Family): void {
  assert.ok(samples.length > 0, `${name} has no sample`);
  assert.equal(type === "counter", name.endsWith("_total"), `${name} is a ${type}`);
  const keys = samples.map(({ name: of, labels }) => JSON.stringify([of, Object.entries(labels).sort()]));
  assert.equal(new Set(keys).size, keys.length, `${name} has the same series twice`);
  if (type === "counter")
    assert.ok(
      samples.every(({ value }) => value >= 0),
      `${name} is negative`,
    );
  if (type !== "histogram") return;
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(rest));
  for (const [labels, group] of groups) checkHistogram(`${name}${labels}`, name, group);
}

function checkHistogram(title: string, name: string, group: readonly Sample[]): void {
  const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels: { le } }) => Number(le === "+Inf" ? Infinity : le));
  const rising = (values: readonly number[]) =>
    values.every((value, i) => i === 0 || value >= values[i - 1]!);
  assert.ok(rising(bounds) && new Set(bounds).size === bounds.length, `bounds of ${title}: ${bounds}`);
  assert.equal(bounds.at(-1), Infinity, `${title} does not end with +Inf`);
  assert.ok(rising(buckets.map(({ value }) => value)), `${title} is not cumulative`);
  const one = (suffix: string): number => {
    const found = group.filter((sample) => sample.name === name + suffix);
    assert.equal(found.length, 1, `${title} has ${found.length} of ${suffix}`);
    return found[0]!.value;
  };
  assert.equal(one("_count"), buckets.at(-1)!.value, `count of ${title}`);
  assert.ok(one("_sum") >= 0, `sum of ${title}`);
}

/** The value of the one sample with these labels; without any, 0. */
export function numberOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  assert.ok(found.length <= 1, `${name} ${JSON.stringify(labels)} is not one sample but ${found.length}`);
  return found[0]?.value ?? 0;
}
