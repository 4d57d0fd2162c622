import { type FSWatcher, lstatSync, readlinkSync, statSync, watch } from "node:fs";
import { basename, dirname, join, parse, resolve, sep } from "node:path";

/** Changes within so many milliseconds of the first are one: editors write a file in several steps. */
const SETTLE = 20;
/** Links that lead to links, at most. */
const LINKS = 40;

interface Watched {
  readonly watcher: FSWatcher;
  /** Tells the folder from another that has its name by now. */
  readonly id: string;
  names: ReadonlySet<string>;
}

/**
 * Watches the files that a config is made of, by their folders: most programs replace a file rather than write into it.
 * Links on the way are watched as well, and where a folder is missing, the one that it would be made in.
 */
export class FileWatch {
  readonly #changed: () => void;
  readonly #folders = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** From now on these files are watched, and no others; what changed after `since`, in milliseconds since 1970, counts. */
  set(files: readonly string[], since: number = Number.POSITIVE_INFINITY): void {
    if (this.#closed) return;
    const wanted = new Map<string, Set<string>>();
    for (const file of files)
      for (const place of reachable(resolve(file))) {
        const folder = dirname(place);
        wanted.set(folder, (wanted.get(folder) ?? new Set()).add(basename(place)));
      }
    for (const [folder, { watcher, id }] of this.#folders)
      if (!wanted.has(folder) || idOf(folder) !== id) {
        watcher.close();
        this.#folders.delete(folder);
      }
    for (const [folder, names] of wanted) this.#watch(folder, names, since);
  }

  #watch(folder: string, names: ReadonlySet<string>, since: number): void {
    const there = this.#folders.get(folder);
    const added = [...names].filter((name) => there?.names.has(name) !== true);
    if (there !== undefined) there.names = names;
    else this.#open(folder, names);
    if (added.some((name) => changedAt(join(folder, name)) > since)) this.#soon();
  }

  #open(folder: string, names: ReadonlySet<string>): void {
    const id = idOf(folder);
    if (id === undefined) return;
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Kubernetes swaps a link named ..data; the folder's own name says that it is gone; no name may mean anything.
        const any = name === null || name.startsWith("..") || name === basename(folder);
        if (any || watched.names.has(name)) this.#soon();
      });
      const watched: Watched = { watcher, id, names };
      this.#folders.set(folder, watched);
      watcher.on("error", () => {
        watcher.close();
        if (this.#folders.get(folder) === watched) this.#folders.delete(folder);
      });
    } catch {
      // A folder that cannot be watched: SIGHUP and POST /reload still work.
    }
  }

  #soon(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changed();
    }, SETTLE);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }
}

function reachable(file: string): Iterable<string> {
  try {
    return placesOf(file);
  } catch {
    return [file]; // a folder on the way cannot be looked into
  }
}

/** The places whose change may change a file: itself, links on its way, and the first part of its way that is missing. */
function placesOf(file: string): Set<string> {
  const places = new Set<string>();
  const waiting = [file];
  for (let path = waiting.pop(); path !== undefined && places.size < LINKS; path = waiting.pop()) {
    const { root } = parse(path);
    const parts = path.slice(root.length).split(sep);
    let at = root;
    for (const [i, part] of parts.entries()) {
      at = join(at, part);
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found === undefined || i === parts.length - 1) places.add(at);
      if (found === undefined) break;
      if (!found.isSymbolicLink()) continue;
      places.add(at);
      waiting.push(join(resolve(dirname(at), readlinkSync(at)), ...parts.slice(i + 1)));
      break;
    }
  }
  return places;
}

function idOf(folder: string): string | undefined {
  const found = statSync(folder, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}
