/** Numbers of the places that policies have on an exchange: given back when a policy is gone, so that they stay small. */
export class SlotNumbers {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(numbers: readonly number[]): void {
    this.#free.push(...numbers);
  }
}
