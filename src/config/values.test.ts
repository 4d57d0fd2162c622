import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { z } from "zod";
import {
  duration,
  hostName,
  listenAddress,
  networks,
  oneOrMany,
  pathCondition,
  serviceUrl,
} from "./values.ts";

interface Table {
  readonly title: string;
  readonly schema: z.ZodType;
  readonly good: readonly (readonly [written: unknown, read: unknown])[];
  readonly bad: readonly unknown[];
}

const tables: readonly Table[] = [
  {
    title: "a time",
    schema: duration,
    good: [
      ["0s", 0],
      ["500ms", 500],
      ["10s", 10_000],
      ["1.5s", 1_500],
      ["5m", 300_000],
      ["2h", 7_200_000],
      ["1d", 86_400_000],
      [250, 250],
      [0, 0],
    ],
    bad: ["", "10", "s", "10 s", "-1s", "+1s", "1w", "1S", "1e3ms", ".5s", "10s ", -1, 1.5, true, null],
  },
  {
    title: "an address to listen on",
    schema: listenAddress,
    good: [
      [":8080", { host: "0.0.0.0", port: 8080, socket: undefined }],
      ["127.0.0.1:0", { host: "127.0.0.1", port: 0, socket: undefined }],
      ["localhost:65535", { host: "127.0.0.1", port: 65_535, socket: undefined }],
      ["[::1]:80", { host: "::1", port: 80, socket: undefined }],
      ["unix:/run/x.sock", { host: "", port: 0, socket: "/run/x.sock" }],
    ],
    bad: [
      "",
      "8080",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:65536",
      "::1:80",
      "[::1]",
      "a.example:80",
      "256.0.0.1:80",
      "[127.0.0.1.1]:80",
      ":80 ",
      8080,
      "unix:x.sock",
      "unix:/",
    ],
  },
  {
    title: "an endpoint",
    schema: serviceUrl,
    good: [
      [
        "http://a.example",
        {
          url: "http://a.example",
          scheme: "http",
          host: "a.example",
          port: 80,
          socket: undefined,
          authority: "a.example",
        },
      ],
      [
        "http://a_b:81/",
        {
          url: "http://a_b:81/",
          scheme: "http",
          host: "a_b",
          port: 81,
          socket: undefined,
          authority: "a_b:81",
        },
      ],
      [
        "http://[::1]:9001",
        {
          url: "http://[::1]:9001",
          scheme: "http",
          host: "::1",
          port: 9001,
          socket: undefined,
          authority: "[::1]:9001",
        },
      ],
      [
        "http://127.0.0.1:80",
        {
          url: "http://127.0.0.1:80",
          scheme: "http",
          host: "127.0.0.1",
          port: 80,
          socket: undefined,
          authority: "127.0.0.1:80",
        },
      ],
      [
        "https://a.example",
        {
          url: "https://a.example",
          scheme: "https",
          host: "a.example",
          port: 443,
          socket: undefined,
          authority: "a.example",
        },
      ],
      [
        "tcp://a.example:5432",
        {
          url: "tcp://a.example:5432",
          scheme: "tcp",
          host: "a.example",
          port: 5432,
          socket: undefined,
          authority: "a.example:5432",
        },
      ],
      [
        "unix:/run/a",
        { url: "unix:/run/a", scheme: "unix", host: "", port: 0, socket: "/run/a", authority: "localhost" },
      ],
    ],
    bad: [
      "",
      "a.example:80",
      "ftp://a",
      "tcp://a",
      "tcp://a:1/b",
      "https://a/b",
      "http://",
      "http://a/b",
      "http://a?b",
      "http://u@a",
      "http://a:0",
      "http://a:65536",
      "http://a:b",
      "http://a b",
      "HTTP://a",
      "http://a\r\nx",
    ],
  },
  {
    title: "a host",
    schema: hostName,
    good: [
      ["A.Example", "a.example"],
      ["*.a.example", "*.a.example"],
      ["x_y.a-b.example", "x_y.a-b.example"],
      ["127.0.0.1", "127.0.0.1"],
      ["[::1]", "[::1]"],
      ["localhost", "localhost"],
    ],
    bad: [
      "",
      "*",
      "*.",
      "a.*",
      "*a.example",
      "a..b",
      ".a",
      "a.",
      "a:80",
      "-a",
      "a-",
      "a b",
      "a/b",
      "caf\xe9",
      "a\n",
    ],
  },
  {
    title: "a path",
    schema: pathCondition,
    good: [
      ["/", "/"],
      ["/*", "/*"],
      ["/a/b", "/a/b"],
      ["/a/*", "/a/*"],
      ["/a/", "/a/"],
      ["/a/{id}/b", "/a/{id}/b"],
      ["/{a}/{b}/*", "/{a}/{b}/*"],
      [{ regex: "/a[0-9]+" }, { regex: "/a[0-9]+" }],
    ],
    bad: [
      ...["", "a", "*", "/a*", "/*/a", "/a/**", "/a?b", "/a#b", "/a b", "/a\n"],
      ...["/{}", "/{a", "/a}", "/{a}{b}", "/x{a}", "/{1}", "/{a}/{a}", { regex: "(" }, { regexp: "a" }, 5],
    ],
  },
  {
    title: "networks",
    schema: networks,
    good: [
      [[], []],
      [
        ["10.0.0.0/8", "::1"],
        ["10.0.0.0/8", "::1"],
      ],
    ],
    bad: ["10.0.0.0/8", ["10.0.0.0/33"], ["a.example"], [""]],
  },
  {
    title: "one or many",
    schema: oneOrMany(pathCondition),
    good: [
      [undefined, []],
      ["/a", ["/a"]],
      [
        ["/a", "/b"],
        ["/a", "/b"],
      ],
    ],
    bad: ["a", ["/a", "b"], 5, null],
  },
];

for (const { title, schema, good, bad } of tables)
  suite(title, () => {
    for (const [written, read] of good)
      test(`takes ${JSON.stringify(written)}`, () => assert.deepEqual(schema.parse(written), read));
    for (const written of bad)
      test(`refuses ${JSON.stringify(written)}`, () =>
        assert.equal(schema.safeParse(written).success, false));
  });
