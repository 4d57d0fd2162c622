import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Block, blocksOf, fileOf } from "./blocks.ts";
import { difference } from "./expect.ts";

const shown = (language: string, text: string): Block => blocksOf(`\`\`\`${language}\n${text}\n\`\`\``)[0]!;

describe("what a page shows", () => {
  it("as text: its lines in order, with room for others, times and ids", () => {
    const page = shown("text", "took 12 ms\n…\nwrote a.ts …\nready");
    assert.equal(difference(page, "begin\ntook   7.5 ms\nwrote a.ts at once\nready\n"), undefined);
    assert.match(difference(page, "took 7 ms\nready\nwrote a.ts x\n") ?? "", /ready/);
    assert.match(difference(page, "took long\nwrote a.ts x\nready") ?? "", /took 12 ms/);
  });

  it("as JSON: at least what is shown", () => {
    const page = shown("json", '{ "a": 1, "list": [{ "id": "…" }] }');
    assert.equal(difference(page, 'noise\n{"a":1,"b":2,"list":[{"id":"x"},{}]}'), undefined);
    assert.match(difference(page, '{"a":2,"list":[{"id":"x"}]}') ?? "", /\.a is 2, not 1/);
    assert.match(difference(page, '{"a":1,"list":[{}]}') ?? "", /\.list\.0\.id is not there/);
    assert.match(difference(page, "nothing") ?? "", /no JSON/);
  });

  it("as HTTP: the status, the fields and the JSON that are shown", () => {
    const page = shown("http", 'HTTP/1.1 200 OK\nx-service: …\n\n{ "id": "emma" }');
    const answer =
      'HTTP/1.1 200 OK\r\nX-Service: catalog\r\ndate: now\r\n\r\n{\n "id": "emma", "price": 8.9 }';
    assert.equal(difference(page, answer), undefined);
    assert.match(difference(page, answer.replace("200 OK", "201 Created")) ?? "", /status/);
    assert.match(difference(page, answer.replace("X-Service", "X-Other")) ?? "", /x-service/);
    assert.match(difference(page, answer.replace("emma", "kim")) ?? "", /id is "kim"/);
  });
});

describe("the blocks of a page", () => {
  it("have a language, a line, and what their marks say", () => {
    const page =
      "a\n\n```sh\nls\n```\n\n<!-- not run: costs money -->\n```sh\nbuy\n```\n<!-- exit code: 2 -->\n```sh\nx\n```";
    assert.deepEqual(
      blocksOf(page).map(({ text, line, notRun, exit }) => [text, line, notRun, exit]),
      [
        ["ls", 4, undefined, 0],
        ["buy", 9, "costs money", 0],
        ["x", 13, undefined, 2],
      ],
    );
    assert.throws(() => blocksOf("```sh\nls"), /has no end/);
  });

  it("are files where their first line names one", () => {
    assert.equal(fileOf(shown("yaml", "# gateway.yaml\na: 1")), "gateway.yaml");
    assert.equal(fileOf(shown("ts", "// policies/tenant.ts (begin)\nx")), "policies/tenant.ts");
    assert.equal(fileOf(shown("yaml", "# the whole of it\na: 1")), undefined);
  });
});
