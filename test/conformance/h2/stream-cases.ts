import { F, frame, headers, octets, request, T } from "../../support/frames.ts";
import type { Case } from "./cases.ts";

const GET = request();
const POST = request("POST");
const NEVER = request("POST", "/never");

/** §5: the states of streams. */
export const STREAM_CASES: readonly Case[] = [
  {
    section: "5.1",
    title: "DATA on an idle stream",
    send: frame(T.data, F.endStream, 1, "x"),
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1",
    title: "half-closed (remote): DATA",
    send: headers(1, request("GET", "/never")) + frame(T.data, F.endStream, 1, "x"),
    expect: { reset: "STREAM_CLOSED" },
    reaches: true,
  },
  {
    section: "5.1",
    title: "half-closed (remote): HEADERS",
    send: headers(1, request("GET", "/never")) + headers(1, [["x-later", "1"]]),
    expect: { reset: "STREAM_CLOSED" },
    reaches: true,
  },
  {
    section: "5.1",
    title: "half-closed (remote): WINDOW_UPDATE and PRIORITY are let pass",
    send: headers(1, GET) + frame(T.window, 0, 1, octets(1, 4)) + frame(T.priority, 0, 1, "\0\0\0\0\x10"),
    expect: { status: 200 },
  },
  {
    section: "5.1",
    title: "closed by the client: DATA",
    send: headers(1, NEVER, false) + frame(T.reset, 0, 1, octets(8, 4)) + frame(T.data, F.endStream, 1, "x"),
    expect: { reset: "STREAM_CLOSED" },
    reaches: true,
  },
  {
    section: "5.1",
    title: "closed by the client: HEADERS",
    send: headers(1, NEVER, false) + frame(T.reset, 0, 1, octets(8, 4)) + headers(1, [["x-later", "1"]]),
    expect: { goAway: "STREAM_CLOSED" },
    reaches: true,
  },
  {
    section: "5.1",
    title: "closed by an answer: HEADERS",
    send: async (peer) => {
      peer.send(headers(1, GET));
      await peer.answer(1);
      peer.send(headers(1, GET));
    },
    expect: { goAway: "STREAM_CLOSED" },
    reaches: true,
  },
  {
    section: "5.1",
    title: "closed by an answer: WINDOW_UPDATE, RST_STREAM and PRIORITY are let pass",
    send: async (peer) => {
      peer.send(headers(1, GET));
      await peer.answer(1);
      peer.send(frame(T.window, 0, 1, octets(1, 4)) + frame(T.reset, 0, 1, octets(8, 4)));
      peer.send(frame(T.priority, 0, 1, "\0\0\0\0\x10"));
    },
    expect: "lives",
    reaches: true,
  },
  {
    section: "5.1",
    title: "reset by us: what is on its way is let pass",
    send:
      headers(1, request("POST", "/never", [["Upper", "1"]]), false) +
      frame(T.data, 0, 1, "x") +
      headers(1, [["x-later", "1"]]),
    expect: { reset: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1",
    title: "reset by us: more DATA than the stream's window had room for",
    send:
      headers(1, request("POST", "/never", [["Upper", "1"]]), false) +
      frame(T.data, 0, 1, "x".repeat(16_000)).repeat(17),
    expect: { goAway: "FLOW_CONTROL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "a stream with an even number",
    send: headers(2, GET),
    expect: { goAway: "PROTOCOL_ERROR" },
  },
  {
    section: "5.1.1",
    title: "a stream with a lower number than the last",
    send: headers(5, request("GET", "/never")) + headers(3, GET),
    expect: { goAway: ["PROTOCOL_ERROR", "STREAM_CLOSED"] },
    reaches: true,
  },
  {
    section: "5.1.2",
    title: "more streams than were announced",
    send: Array.from({ length: 5 }, (_, i) => headers(2 * i + 1, request("GET", "/never"))).join(""),
    expect: { reset: "REFUSED_STREAM", stream: 9 },
    reaches: true,
    full: true,
  },
  {
    section: "5.4.2",
    title: "a stream that the client resets ends no other",
    send:
      headers(1, NEVER, false) +
      frame(T.reset, 0, 1, octets(8, 4)) +
      headers(3, POST, false) +
      frame(T.data, F.endStream, 3, "x"),
    expect: { status: 200, stream: 3 },
    reaches: true,
  },
];
