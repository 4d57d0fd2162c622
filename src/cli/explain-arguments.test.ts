import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { UsageError } from "./command.ts";
import { explainArguments } from "./explain-arguments.ts";

const asked = (...args: string[]) => explainArguments(args);

suite("the command line of explain", () => {
  test("a file, perhaps a method, a URL", () => {
    const expected = {
      file: "f.yaml",
      json: false,
      request: {
        method: "GET",
        url: "http://a/b",
        fields: [],
        from: undefined,
        listener: undefined,
        body: undefined,
      },
    };
    assert.deepEqual(asked("f.yaml", "http://a/b"), expected);
    assert.deepEqual(asked("f.yaml", "GET", "a/b"), expected);
    assert.deepEqual(asked("--config", "f.yaml", "http://a/b"), expected);
    assert.deepEqual(asked("GET", "a/b", "-c", "f.yaml"), expected);
  });

  test("what curl's options ask for", () => {
    const { request } = asked(
      "f",
      "a",
      "-H",
      "X-A: 1",
      "-H",
      "gone:",
      "-H",
      "empty;",
      "-b",
      "c=1",
      "-A",
      "me",
    );
    assert.deepEqual(request.fields, [
      ["X-A", "1"],
      ["empty", ""],
      ["cookie", "c=1"],
      ["user-agent", "me"],
    ]);
    assert.equal(asked("f", "a", "-I").request.method, "HEAD");
    assert.equal(asked("f", "PUT", "a", "-X", "PATCH").request.method, "PATCH");
    const posted = asked("f", "a", "-d", "x=1", "-d", "y=2").request;
    assert.deepEqual([posted.method, posted.body], ["POST", "x=1&y=2"]);
    assert.deepEqual(posted.fields, [["content-type", "application/x-www-form-urlencoded"]]);
    const json = asked("f", "a", "-d", "{}", "-H", "Content-Type: application/json").request;
    assert.deepEqual(json.fields, [["Content-Type", "application/json"]]);
    const basic = [["authorization", "Basic dTpw"]];
    assert.deepEqual(asked("f", "a", "-u", "u:p").request.fields, basic);
    assert.deepEqual(asked("f", "https://u:p@a/").request.fields, basic);
  });

  test("what it does not understand", () => {
    const wrong: [string[], RegExp][] = [
      [[], /a config file and one URL are needed/],
      [["f"], /a config file and one URL are needed/],
      [["f", "GET", "a", "b"], /a config file and one URL are needed/],
      [["f", "get", "a"], /"get" is not a method/],
      [["f", "GET", "/b"], /"\/b" is not a URL/],
      [["f", "GET"], /"GET" is not a URL/],
      [["f", "a", "-H", "no field"], /"no field" is not a field/],
      [["f", "http://%zz@a/"], /is not a login/],
      [["f", "a", "--verbose"], /--verbose/],
    ];
    for (const [args, message] of wrong)
      assert.throws(
        () => explainArguments(args),
        (error: Error) => error instanceof UsageError && message.test(error.message),
        args.join(" "),
      );
  });
});
