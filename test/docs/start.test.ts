/** `npm start` where something is in its way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { type Block, blocksOf } from "./blocks.ts";
import { Reader } from "./reader.ts";

const START: Block = blocksOf("<!-- exit code: 1 -->\n```sh\nnpm start\n```")[0]!;

async function startBeside(taken: string, shown: string): Promise<void> {
  await using reader = await Reader.arrive();
  const other = createServer().listen(reader.portOf(taken), "127.0.0.1");
  await once(other, "listening");
  try {
    await reader.run(START);
    await reader.compare({ ...START, language: "text", text: shown });
    assert.equal(await reader.ended(), 1);
  } finally {
    other.close();
  }
}

describe("npm start", () => {
  it("says which address is taken, stops what it started, and fails", () =>
    startBeside(
      "8080",
      "torana: the address 127.0.0.1:8080 of the listener public is taken by another program; …\nstart: gateway ended (exit code 1); stopping the rest",
    ));

  it("says which service's port is taken", () =>
    startBeside("9002", "inventory: port 9002 is taken by another program"));
});
