import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Changes within so many milliseconds of the first are one: editors write a file in several steps. */
const SETTLE = 40;

/** Watches the files that a config is made of, by their folders: most programs replace a file rather than write into it. */
export class FileWatch {
  readonly #changed: () => void;
  readonly #folders = new Map<string, { watcher: FSWatcher; names: Set<string> }>();
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** From now on these files are watched, and no others. */
  set(files: readonly string[]): void {
    const wanted = new Map<string, Set<string>>();
    for (const file of files) {
      const names = wanted.get(dirname(file)) ?? new Set();
      wanted.set(dirname(file), names.add(basename(file)));
    }
    for (const [folder, { watcher }] of this.#folders)
      if (!wanted.has(folder)) {
        watcher.close();
        this.#folders.delete(folder);
      }
    for (const [folder, names] of wanted) {
      const there = this.#folders.get(folder);
      if (there !== undefined) there.names = names;
      else this.#watchFolder(folder, names);
    }
  }

  #watchFolder(folder: string, names: Set<string>): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Kubernetes swaps a link named ..data; where the system names no file, anything may have changed.
        const { names: current } = this.#folders.get(folder)!;
        if (name === null || current.has(name) || name.startsWith("..")) this.#soon();
      });
      watcher.on("error", () => this.#folders.delete(folder));
      this.#folders.set(folder, { watcher, names });
    } catch {
      // A folder that cannot be watched: SIGHUP and POST /reload still work.
    }
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changed();
    }, SETTLE);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }
}
