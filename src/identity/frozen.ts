/** Plain data that nobody can change any more: what many requests share no policy may change by mistake. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null)
    for (const one of Object.values(Object.freeze(value))) frozen(one);
  return value;
}
