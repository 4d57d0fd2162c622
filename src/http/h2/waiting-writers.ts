import type { FrameOutput } from "./frame-output.ts";
import type { StreamWriter } from "./stream-writer.ts";

/** What writers wait for. */
interface Room {
  readonly output: FrameOutput;
  /** Octets that the peer takes on all streams. */
  readonly sendWindow: number;
}

/** The writers of one connection that cannot go on, in the order in which they came. */
export class WaitingWriters {
  readonly #room: Room;
  readonly #forRoom = new Set<StreamWriter>();
  readonly #forKernel = new Set<StreamWriter>();
  #asked = false;

  constructor(room: Room) {
    this.#room = room;
  }

  get #isRoom(): boolean {
    return this.#room.sendWindow > 0 && !this.#room.output.full;
  }

  /** Calls `go` of the writer once there is room on the connection; a writer may only let the others go first. */
  waitForRoom(writer: StreamWriter): void {
    this.#forRoom.add(writer);
    if (this.#asked || !this.#isRoom) return;
    this.#asked = true;
    setImmediate(() => {
      this.#asked = false;
      this.roomGiven();
    });
  }

  /** Calls `freed` of the writer once the kernel has taken what was written. */
  waitForKernel(writer: StreamWriter): void {
    this.#forKernel.add(writer);
  }

  /** It wants no room any more. */
  forget(writer: StreamWriter): void {
    this.#forRoom.delete(writer);
  }

  /** Lets them write, one after the other, each at most once. */
  roomGiven(): void {
    for (let turns = this.#forRoom.size; turns > 0 && this.#isRoom; turns--) {
      const [first] = this.#forRoom;
      if (first === undefined) return;
      this.#forRoom.delete(first);
      first.go();
    }
  }

  /** The kernel has taken all that was written. */
  drained(): void {
    const freed = [...this.#forKernel];
    this.#forKernel.clear();
    for (const writer of freed) writer.freed();
    this.roomGiven();
  }
}
