/** The text format of Prometheus, version 0.0.4. */

/** Its media type. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Name and help of a metric; each is written down once, in `metrics.ts`. */
export interface MetricSpec {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence, with the unit where the name has none. */
  readonly help: string;
}

/** Labels of one sample. */
export type Labels = Readonly<Record<string, string>>;

/** Numbers of one histogram: as many counts as bounds and one more, not cumulative. */
export interface HistogramValues {
  /** Upper bounds in the unit of the metric's name. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Writes metrics, one family after the other. */
export class Exposition {
  readonly #lines: string[] = [];

  /** Writes a family of plain numbers; nothing at all when it has no sample. */
  numbers(spec: MetricSpec, samples: Iterable<readonly [Labels, number]>): void {
    let begun = false;
    for (const [labels, value] of samples) {
      if (!begun) this.#begin(spec);
      begun = true;
      this.#lines.push(`${spec.name}${braced(labelText(labels))} ${numberText(value)}`);
    }
  }

  /** Writes a family of histograms; nothing at all when it has none. */
  histograms(spec: MetricSpec, samples: Iterable<readonly [Labels, HistogramValues]>): void {
    let begun = false;
    for (const [labels, values] of samples) {
      if (!begun) this.#begin(spec);
      begun = true;
      this.#histogram(spec.name, labelText(labels), values);
    }
  }

  #begin({ name, type, help }: MetricSpec): void {
    const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    this.#lines.push(`# HELP ${name} ${text}`, `# TYPE ${name} ${type}`);
  }

  #histogram(name: string, labels: string, { bounds, counts, sum }: HistogramValues): void {
    const before = labels === "" ? "" : `${labels},`;
    let total = 0;
    for (const [i, count] of counts.entries()) {
      total += count;
      const bound = numberText(bounds[i] ?? Number.POSITIVE_INFINITY);
      this.#lines.push(`${name}_bucket{${before}le="${bound}"} ${total}`);
    }
    this.#lines.push(
      `${name}_sum${braced(labels)} ${numberText(sum)}`,
      `${name}_count${braced(labels)} ${total}`,
    );
  }

  get text(): string {
    return this.#lines.length === 0 ? "" : `${this.#lines.join("\n")}\n`;
  }
}

function labelText(labels: Labels): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "" : ","}${name}="${escaped(labels[name]!)}"`;
  return text;
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
