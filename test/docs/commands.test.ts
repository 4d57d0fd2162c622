/** Every command of the README, the docs and the examples is run, and says what the page shows. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { blocksOf } from "./blocks.ts";
import { SHOWN } from "./expect.ts";
import { Reader } from "./reader.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root }).sort();

/** Blocks that cannot be run here: they fetch packages, run this suite, or measure for minutes. */
const NOT_RUN = 5;

const blocksOfPage = new Map(pages.map((page) => [page, blocksOf(readFileSync(join(root, page), "utf8"))]));

describe("the docs", () => {
  for (const [page, blocks] of blocksOfPage) {
    if (!blocks.some(({ language, notRun }) => language === "sh" && notRun === undefined)) continue;
    it(`${page}: its commands do what it says`, async () => {
      await using reader = await Reader.arrive();
      let ran = 0;
      for (const block of blocks) {
        if (block.notRun !== undefined) ran = 0;
        else if (block.language === "sh") {
          await reader.run(block);
          ran++;
        } else if (SHOWN.has(block.language) && ran > 0) await reader.compare(block);
        else reader.write(block);
      }
      await reader.leave();
      assert.ok(blocks.length > 0);
    });
  }

  it("says of few commands only that they are not run", () => {
    const marked = [...blocksOfPage].flatMap(([page, blocks]) =>
      blocks
        .filter(({ notRun }) => notRun !== undefined)
        .map(({ line, notRun }) => `${page}:${line} ${notRun}`),
    );
    assert.equal(marked.length, NOT_RUN, marked.join("\n"));
  });

  it("links to what is there", () => {
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => globSync(join(root, page, "..", target)).length === 0)
        .map((target) => `${page}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });
});
