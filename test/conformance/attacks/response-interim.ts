/** Informational responses: too many, malformed, or where a final one belongs. */
import {
  FAILED,
  POISON,
  passed,
  passedOrFailed,
  type ResponseCase,
  type ResponseFamily,
  whole,
} from "./response-table.ts";
import { HOST, ID, head as requestHead } from "./table.ts";

/** Families about 1xx. */
export const interimFamilies: readonly ResponseFamily[] = [
  {
    name: "informational responses",
    rfc: "RFC 9110 15.2, 7.8, 10.1.1; RFC 8297",
    rule: "They have no body, do not answer, are few, and 101 is for those who asked to upgrade.",
    cases: informational(),
  },
];

function informational(): ResponseCase[] {
  const ok = whole("hello");
  const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
  const row = (
    name: string,
    answer: string,
    expect: ResponseCase["expect"],
    request?: string,
  ): ResponseCase => ({ name, answer, expect, ...(request === undefined ? {} : { request }) });
  const upgrade = requestHead(`GET /${ID} HTTP/1.1`, `Host: ${HOST}`, "Connection: Upgrade", "Upgrade: h2c");
  const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  return [
    row("100 unasked", `HTTP/1.1 100 Continue\r\n\r\n${ok}`, passed({ body: "hello", optional: [100] })),
    row(
      "two 100 unasked",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 \r\n\r\n${ok}`,
      passed({ body: "hello", optional: [100, 100] }),
    ),
    row("103", early + ok, passed({ body: "hello", interim: [103] })),
    row("103 twice", early + early + ok, passed({ body: "hello", interim: [103, 103] })),
    row(
      "100, 103",
      `HTTP/1.1 100 Continue\r\n\r\n${early}${ok}`,
      passed({ body: "hello", interim: [103], optional: [100] }),
    ),
    row("102", `HTTP/1.1 102 Processing\r\n\r\n${ok}`, passed({ body: "hello", optional: [102] })),
    row("199", `HTTP/1.1 199 X\r\n\r\n${ok}`, passed({ body: "hello", optional: [199] })),
    row(
      "103 with a length",
      `HTTP/1.1 103 X\r\nContent-Length: 0\r\n\r\n${ok}`,
      passedOrFailed({ body: "hello", optional: [103] }),
    ),
    row(
      "103 with chunked",
      `HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n${ok}`,
      passedOrFailed({ body: "hello", optional: [103] }),
    ),
    {
      ...row("103 with a body", `HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\nhello${POISON}`, {
        kind: "failed",
        statuses: [502],
      }),
      spent: true,
    },
    {
      ...row("100 with a body", `HTTP/1.1 100 X\r\nContent-Length: 5\r\n\r\nhello${POISON}`, FAILED),
      spent: true,
    },
    { ...row("10,000 times 100", "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000) + ok, FAILED), spent: true },
    { ...row("10,000 times 103", early.repeat(10_000) + ok, FAILED), spent: true },
    {
      ...row("10,000 times 102", "HTTP/1.1 102 Processing\r\n\r\n".repeat(10_000) + ok, FAILED),
      spent: true,
    },
    {
      ...row("103 with a large field", `HTTP/1.1 103 X\r\nX: ${"y".repeat(100_000)}\r\n\r\n${ok}`, FAILED),
      spent: true,
    },
    { ...row("malformed 103", `HTTP/1.1 103 X\r\nX\0: y\r\n\r\n${ok}`, FAILED), spent: true },
    { ...row("bare LF in a 103", `HTTP/1.1 103 X\nX: y\r\n\r\n${ok}`, FAILED), spent: true },
    { ...row("101 unasked", switching + POISON, FAILED), spent: true },
    { ...row("101 unasked, then closes", switching, FAILED), after: "end" },
    { ...row("101 to a h2c upgrade that was taken out", switching + POISON, FAILED, upgrade), spent: true },
    { ...row("101 without fields", `HTTP/1.1 101 X\r\n\r\n${POISON}`, FAILED), spent: true },
    { ...row("103, then 101", early + switching + POISON, { kind: "failed", statuses: [502] }), spent: true },
  ];
}
