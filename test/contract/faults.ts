/** Everything that a policy can do wrong at a place where it is called. */

import { inspect } from "node:util";

/** A word that must never reach a client. */
export const SECRET = "hunter2";

class NotAnError {
  readonly secret = SECRET;
}

const THEN: string = "then";

const never = (): Promise<never> => new Promise(() => {});

/** What is done in place of the right thing, by name; `never` is the only one that takes time. */
export const FAULTS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error(SECRET);
  },
  "throws null": () => {
    throw null;
  },
  "throws undefined": () => {
    throw undefined;
  },
  "throws an object without prototype": () => {
    throw Object.create(null);
  },
  "throws a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  "throws what cannot be shown": () => {
    throw {
      [inspect.custom]() {
        throw new Error("not to be shown");
      },
    };
  },
  "throws an error without a readable stack": () => {
    throw Object.defineProperty(new Error(SECRET), "stack", {
      get() {
        throw new Error("not to be read");
      },
    });
  },
  rejects: () => Promise.reject(new Error(SECRET)),
  "rejects later": async () => {
    await new Promise((done) => setImmediate(done));
    throw new Error(SECRET);
  },
  "rejects with undefined": () => Promise.reject(undefined),
  "rejects with a null prototype": () => Promise.reject(Object.create(null)),
  "gives 42": () => 42,
  "gives null": () => null,
  "gives true": () => true,
  "gives a text": () => SECRET,
  "gives an object": () => ({ secret: SECRET }),
  "gives an instance of something else": () => new NotAnError(),
  "gives a promise of 42": () => Promise.resolve(42),
  "gives a promise of an object": async () => ({ secret: SECRET }),
  "gives an object whose then throws": () =>
    Object.defineProperty({}, THEN, {
      get() {
        throw new Error(SECRET);
      },
    }),
  "gives a thenable that throws": () => ({
    [THEN]() {
      throw new Error(SECRET);
    },
  }),
  never,
};

/** What is neither a promise nor thrown; a log step may give it, for nobody looks at it. */
export const HARMLESS_IN_LOG: ReadonlySet<string> = new Set([
  ...["gives 42", "gives null", "gives true", "gives a text", "gives an object"],
  ...[
    "gives an instance of something else",
    "gives a promise of 42",
    "gives a promise of an object",
    "never",
  ],
]);
