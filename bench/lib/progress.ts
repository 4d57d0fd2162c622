/** Where a long run stands: one line that is redrawn on a terminal, a line a step elsewhere. Goes to stderr. */
export class Progress {
  readonly #title: string;
  readonly #started = Date.now();
  #total = 0;
  #done = 0;

  constructor(title: string) {
    this.#title = title;
  }

  /** Announces so many steps more. */
  expect(steps: number): void {
    this.#total += steps;
  }

  /** Says what runs now. */
  now(what: string): void {
    if (!process.stderr.isTTY) {
      process.stderr.write(`${this.#title} ${this.#done}/${this.#total} ${what}\n`);
      return;
    }
    const share = this.#total === 0 ? 0 : this.#done / this.#total;
    const bar = "█".repeat(Math.round(share * 24)).padEnd(24, "░");
    const line = `${this.#title} ${bar} ${this.#done}/${this.#total} ${what}${this.#left(share)}`;
    process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Counts a step as done. */
  step(): void {
    this.#done += 1;
  }

  /** Removes the line from the terminal. */
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
  }

  #left(share: number): string {
    if (this.#done < 2) return "";
    const seconds = Math.round(((Date.now() - this.#started) / 1_000) * (1 / share - 1));
    return seconds < 90 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`;
  }
}
