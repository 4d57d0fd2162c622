import { AdminProblem } from "./source.ts";

/** The query of a request, read strictly: a misspelt parameter must not be taken for one that was left out. */
export class Parameters {
  readonly #values: URLSearchParams;

  /** Throws an AdminProblem for a parameter that is not among the known ones. */
  constructor(query: string, known: readonly string[]) {
    this.#values = new URLSearchParams(query);
    for (const name of this.#values.keys())
      if (!known.includes(name))
        throw new AdminProblem(
          400,
          "parameter_unknown",
          `there is no parameter ${JSON.stringify(name)} here${known.length > 0 ? `, only ${known.join(", ")}` : ""}`,
        );
  }

  /** The value of one; undefined when it was left out. Throws an AdminProblem when it is given twice. */
  one(name: string): string | undefined {
    const [value, ...more] = this.#values.getAll(name);
    if (more.length > 0) throw new AdminProblem(400, "parameter_invalid", `${name} is given more than once`);
    return value;
  }

  /** All values of one, in order. */
  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  /** A whole number within bounds; undefined when it was left out. */
  whole(name: string, min: number, max: number): number | undefined {
    const text = this.one(name);
    if (text === undefined) return undefined;
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new AdminProblem(
      400,
      "parameter_invalid",
      `${name} is a whole number of ${min} to ${max}, not ${JSON.stringify(text)}`,
    );
  }
}
