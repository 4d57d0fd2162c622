import assert from "node:assert/strict";
import { test } from "node:test";
import { definePolicy, z } from "torana";
import { F, FramePeer, frame, headers, request, T } from "../support/frames.ts";
import { startService } from "../support/service.ts";
import { stand } from "./stand.ts";

test("bodies that nobody took, since a policy refused them late, give their room back", async (t) => {
  const service = await startService((_incoming, response) => void response.end());
  let decide: (() => void) | undefined;
  const late = definePolicy({
    name: "test-late",
    phase: "authenticate",
    options: z.strictObject({}),
    reasons: { test_late: { status: 401, source: "downstream", title: "Late" } },
    compile: () => ({
      request: (x) =>
        new Promise((resolve) => {
          decide = () => resolve(x.reject("test_late"));
        }),
    }),
  });
  const { gateway } = await stand(t, service, [late]);
  const peer = await FramePeer.open(gateway.port());
  t.after(() => peer.close());
  const PIECE = "p".repeat(16_000);
  // Twice what a connection may have under way.
  for (let i = 0; i < 14; i++) {
    const id = 2 * i + 1;
    peer.send(headers(id, request("POST", "/"), false));
    assert.equal(await peer.ping(), true);
    peer.send(frame(T.data, 0, id, PIECE).repeat(9) + frame(T.data, F.endStream, id, PIECE));
    assert.equal(await peer.ping(), true, `the connection ended: ${peer.goAway}`);
    decide?.();
    assert.equal((await peer.answer(id)).status, 401);
  }
  peer.close();
});
