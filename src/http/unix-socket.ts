import { randomBytes } from "node:crypto";
import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { chmod, lstat, rename } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";

/** Owner and group may connect. */
const MODE = 0o660;

/** The file of a Unix socket on which a server listens. */
export class UnixSocketFile {
  readonly #path: string;
  readonly #inode: bigint;

  constructor(path: string, inode: bigint) {
    this.#path = path;
    this.#inode = inode;
  }

  /** Removes the file, unless another server has put its own in the place. */
  remove(): void {
    try {
      if (lstatSync(this.#path, { bigint: true }).ino === this.#inode) unlinkSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/**
 * Listens on a Unix socket. What a dead process left in its place is replaced; where a live one listens, or something
 * else stands, it rejects and nothing has changed; `replaces` puts itself in the place of the live one. The file appears at its path with its final mode: nobody connects
 * before that.
 */
export async function listenOnFile(
  server: Server,
  path: string,
  backlog: number,
  replaces = false,
): Promise<UnixSocketFile> {
  await refuseTaken(path, replaces);
  const made = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ path: made, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    await chmod(made, MODE);
    const { ino } = await lstat(made, { bigint: true });
    await rename(made, path);
    return new UnixSocketFile(path, ino);
  } catch (error) {
    server.close();
    const { code } = error as NodeJS.ErrnoException;
    throw systemError(code ?? "EIO", `cannot listen on unix:${path}`, path, error);
  }
}

/** Rejects where a server listens, or where something stands that is no socket. */
async function refuseTaken(path: string, replaces: boolean): Promise<void> {
  const found = await statusOf(path, path);
  if (found === undefined) {
    if ((await statusOf(dirname(path), path)) !== undefined) return;
    throw systemError("ENOENT", `the folder of unix:${path} does not exist: make it first`, path);
  }
  if (!found.isSocket())
    throw systemError("EEXIST", `unix:${path} is a file that is not a socket: remove it`, path);
  if (!replaces && (await answers(path)))
    throw systemError("EADDRINUSE", `another process listens on unix:${path}: stop it first`, path);
}

/** What stands at a place; undefined for nothing. */
function statusOf(place: string, path: string): Promise<Stats | undefined> {
  return lstat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw systemError(error.code ?? "EIO", `cannot listen on unix:${path}`, path, error);
  });
}

/** Whether somebody listens; a socket whose process is gone refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: its queue is full; EACCES: it may well be alive, and is not ours to remove.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}

function systemError(code: string, text: string, address: string, cause?: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`listen ${code}: ${text}`, { cause }), { code, syscall: "listen", address });
}
