import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type BodySource, type Exchange, Failure, Fields, type Phase, type PolicySteps, Reply } from "torana";
import { memoryGateway, type SentRequest, type ServiceFunction } from "torana/testing";
import { serve } from "../../src/testing/wire.ts";
import { request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { until, within } from "../support/wait.ts";
import { stand } from "./stand.ts";
import { gate, policyOf } from "./ways.ts";

const LONG_GRACE_MS = 60_000;

/** Where an exchange is when its client leaves. */
interface Place {
  readonly title: string;
  readonly phase?: Phase;
  /** What the policy does; `wait` says that the place is reached, and lasts until after the client left. */
  readonly steps: (wait: () => Promise<undefined>) => PolicySteps;
  readonly service?: (wait: () => Promise<undefined>) => ServiceFunction;
  /** Default: a GET. On sockets only, when it is given. */
  readonly bytes?: Buffer;
  /** Requests that the service gets before the client leaves (default 0). */
  readonly sent?: number;
}

/** A body whose first piece comes, and nothing else. */
function unfinished(): BodySource {
  return { length: undefined, start: (sink) => void sink.data("part"), resume() {}, cancel() {} };
}

const upload = (): Buffer =>
  Buffer.concat([request("POST /", { "Content-Length": "100" }), Buffer.from("part")]);
const noted =
  (wait: () => Promise<undefined>) =>
  (bytes: Uint8Array): Uint8Array => {
    void wait();
    return bytes;
  };
const answer = (): Reply => new Reply(200, new Fields(), unfinished());
const silent: Place["service"] = (wait) => (sent) => {
  void wait();
  return new Promise((done) =>
    sent.signal.addEventListener("abort", () => done(new Failure("response_cut"))),
  );
};

const PLACES: readonly Place[] = [
  ...(["receive", "authenticate", "limit", "cache"] as const).map(
    (phase): Place => ({ title: `in a step of phase ${phase}`, phase, steps: (wait) => ({ request: wait }) }),
  ),
  { title: "in an attempt step", steps: (wait) => ({ attempt: () => wait() }) },
  { title: "while the service thinks", steps: () => ({}), service: silent, sent: 1 },
  {
    title: "in a recover step",
    steps: (wait) => ({ recover: wait }),
    service: () => () => new Failure("response_cut"),
    sent: 1,
  },
  { title: "in a response step", steps: (wait) => ({ response: wait }), sent: 1 },
  {
    title: "in a response step, the answer begun",
    steps: (wait) => ({ response: wait }),
    service: () => answer,
    sent: 1,
  },
  {
    title: "while the answer is held",
    steps: () => ({ body: { response: "buffer" } }),
    service: (wait) => () => {
      void wait();
      return answer();
    },
    sent: 1,
  },
  {
    title: "in the middle of the answer",
    steps: (wait) => ({
      body: { response: "tap" },
      responseBody: () => ({ chunk: noted(wait) }),
    }),
    service: () => answer,
    sent: 1,
  },
  {
    title: "in a transform of the answer",
    steps: (wait) => ({ responseBody: () => ({ chunk: wait }) }),
    sent: 1,
  },
  {
    title: "at the end of a transform of the answer",
    steps: (wait) => ({ responseBody: () => ({ chunk: (bytes) => bytes, end: wait }) }),
    sent: 1,
  },
  {
    title: "while a fork of it waits for its service",
    steps: () => ({
      request: async (x) => {
        if (x.depth === 0) await x.fork({});
        return undefined;
      },
    }),
    service: silent,
    sent: 1,
  },
  {
    title: "while its body is held",
    steps: () => ({ body: { request: "buffer" }, request: () => undefined }),
    bytes: upload(),
  },
  { title: "in the middle of its body", steps: () => ({}), service: silent, bytes: upload(), sent: 1 },
  {
    title: "in a transform of its body",
    steps: (wait) => ({ requestBody: () => ({ chunk: wait }) }),
    bytes: upload(),
    sent: 1,
  },
  {
    title: "in a step, its body on its way",
    steps: (wait) => ({ request: wait }),
    bytes: upload(),
  },
];

/** What a place and its client are told. */
class Witness {
  aborts = 0;
  readonly ended: Exchange[] = [];
  readonly begun = gate();
  readonly reached = gate();
  readonly left = gate();

  readonly steps: PolicySteps = {
    request: (x) => {
      if (x.depth === 0) x.onAbort(() => this.aborts++);
      this.begun.resolve();
      return undefined;
    },
    log: (x) => void this.ended.push(x),
  };

  readonly wait = async (): Promise<undefined> => {
    this.reached.resolve();
    await this.left.promise;
    return undefined;
  };

  /** The client left: everybody was told, once, and nobody does anything that shows when the wait is over. */
  async check(sent: () => number, expected: number): Promise<void> {
    await until("the log", () => this.ended.some(({ depth }) => depth === 0));
    const ended = this.ended.length;
    this.left.resolve();
    await sleep(50);
    assert.deepEqual([sent(), this.ended.length, this.aborts], [expected, ended, 1]);
    assert.equal(this.ended.filter(({ depth }) => depth === 0).length, 1);
    assert.deepEqual(
      this.ended.map(({ outcome }) => [outcome?.status, outcome?.complete, outcome?.reason]),
      this.ended.map(() => [499, false, "client_left"]),
    );
  }
}

const CONFIG = { policies: [{ witness: {} }, { p: {} }] };

async function inMemory(t: TestContext, place: Place): Promise<void> {
  const witness = new Witness();
  const gateway = memoryGateway({
    policies: [
      policyOf(witness.steps, "witness", "receive"),
      policyOf(place.steps(witness.wait), "p", place.phase),
    ],
    config: CONFIG,
    ...(place.service && { service: place.service(witness.wait) }),
  });
  t.after(() => gateway.close());
  const { leave, reply } = gateway.begin();
  await within("the place to be reached", witness.reached.promise);
  leave();
  await assert.rejects(reply, (error) => error instanceof Failure && error.code === "client_left");
  await witness.check(() => gateway.sent.length, place.sent ?? 0);
}

async function onSockets(t: TestContext, place: Place): Promise<void> {
  const witness = new Witness();
  const sent: SentRequest[] = [];
  const play = place.service?.(witness.wait) ?? ((): Reply => Reply.text(200, "ok"));
  const service = await startService((incoming, outgoing) =>
    serve(incoming, outgoing, play, sent).catch(() => void outgoing.destroy()),
  );
  const p = policyOf(place.steps(witness.wait), "p", place.phase);
  const stage = await stand(t, service, [policyOf(witness.steps, "witness", "receive"), p]);
  const client = await stage.connect();
  client.socket.on("error", () => {});
  await client.send(place.bytes ?? request("GET /"));
  const { begun, reached } = witness;
  await within("the place to be reached", (place.bytes === undefined ? reached : begun).promise);
  const expected = place.sent ?? 0;
  await until("the request to reach the service", () => service.seen.length === expected);
  client.reset();
  await witness.check(() => service.seen.length, expected);
  if (place.bytes !== undefined) assert.equal(sent.length, 0, "the service took a part for the whole");
  assert.deepEqual(stage.told, []);
  await within("the gateway to stop, though its grace is long", stage.gateway.stop(LONG_GRACE_MS));
  await until("the service's connections to be closed", () => service.open.size === 0);
}

for (const place of PLACES) {
  if (place.bytes === undefined)
    test(`a client that leaves ${place.title}, in memory`, (t) => inMemory(t, place));
  test(`a client that leaves ${place.title}, on sockets`, (t) => onSockets(t, place));
}

test("a function for the end is called at once when the client has left already", async (t) => {
  let called = 0;
  const gateway = memoryGateway({
    policies: [policyOf({ log: (x) => x.onAbort(() => called++) } satisfies PolicySteps)],
    config: { policies: [{ p: {} }] },
  });
  t.after(() => gateway.close());
  await gateway.send();
  assert.equal(called, 0);
  gateway.begin().leave();
  assert.equal(called, 1);
});

test("bytes that were sent before the client left are in its outcome", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.write("12345"));
  const { connect, ended } = await stand(t, service, []);
  const client = await connect();
  await client.send(request("GET /"));
  for await (const piece of client.body(await client.head())) if (piece.length > 0) break;
  client.reset();
  await until("the log", () => ended.length === 1);
  assert.deepEqual([ended[0]?.outcome?.status, ended[0]?.outcome?.bytes], [499, 5]);
});
