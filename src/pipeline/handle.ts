import { Failure } from "../errors/failure.ts";
import { Reply } from "../lib/reply.ts";
import { planRequestBody, planResponseBody } from "./body-plan.ts";
import { settle } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import { receive } from "./receive.ts";

/**
 * The walk of one request, from its head to the log. The numbers are the headings of docs/life-of-a-request.md.
 * Nothing here waits unless a policy or the service makes it wait.
 */
export function handle(x: Exchange): void {
  // 1. route: the snapshot matches host, path, method. A miss is a route as well.
  const route = x.snapshot.router.match(x.request);
  x.route = route;

  // 2. receive: who is at the other end, the id, and what will be sent to the service
  receive(x);
  if (route.deadline > 0) x.answerWithin(route.deadline, () => abandon(x));

  // 2–7. receive, authenticate, authorize, limit, request, cache: the policies of these phases, folded into one
  if (route.request === undefined) {
    forward(x);
    return;
  }
  const verdict = route.request(x);
  if (verdict === undefined) forward(x);
  else if (verdict instanceof Reply) respond(x, verdict);
  else
    verdict.then((late) => {
      if (x.ended) return;
      if (late === undefined) forward(x);
      else respond(x, late);
    });
}

/** 8. forward: endpoint, attempt, retry. It gives a reply or a failure, and never throws. */
function forward(x: Exchange): void {
  if (x.route.bodies.request !== undefined) planRequestBody(x, x.route.bodies.request);
  // Without policies nothing took time since the start: one reading of the clock less.
  x.forwardedAt = x.route.request === undefined ? x.startedAt : x.snapshot.clock.now();
  x.snapshot.forwarder.forward(x, (result) => {
    if (x.ended || x.reply !== undefined) {
      if (result instanceof Reply) result.discard();
      return;
    }
    if (result instanceof Reply) {
      x.answeredAt = x.snapshot.clock.now();
      respond(x, result);
    } else if (x.route.recover.length === 0) respond(x, x.fail(result));
    else recover(x, result);
  });
}

/** 8. recover: steps that may answer for a failed forward, a stale copy for instance. */
async function recover(x: Exchange, failure: Failure): Promise<void> {
  for (const { policy, step } of x.route.recover) {
    let verdict: unknown;
    try {
      verdict = step(x, failure);
    } catch (error) {
      verdict = Promise.reject(error);
    }
    if (verdict !== undefined && !(verdict instanceof Reply)) verdict = await settle(x, policy, verdict);
    if (x.ended || x.reply !== undefined) return;
    if (verdict instanceof Reply) {
      respond(x, verdict);
      return;
    }
  }
  respond(x, x.fail(failure));
}

/** 9. response: the head of every answer, our own too, else a 401 lacks its CORS fields. */
function respond(x: Exchange, reply: Reply): void {
  x.reply = reply;
  const { response, bodies } = x.route;
  if (response === undefined) {
    send(x, reply);
    return;
  }
  const changed =
    bodies.responseBuffer > 0 ? bufferFirst(x, reply, bodies.responseBuffer) : response(x, reply);
  if (changed instanceof Reply) send(x, changed);
  else changed.then((late) => (x.ended ? late.discard() : send(x, late)));
}

async function bufferFirst(x: Exchange, reply: Reply, max: number): Promise<Reply> {
  const held = await reply.hold(max);
  const ready = held === undefined ? reply : x.fail(new Failure("response_body_too_large", held.detail));
  return x.ended ? ready : x.route.response!(x, ready);
}

/** 10. send: head and body, with backpressure both ways. */
function send(x: Exchange, reply: Reply): void {
  x.disarm();
  x.reply = reply;
  if (x.route.bodies.response !== undefined) planResponseBody(x, reply, x.route.bodies.response);
  x.downstream.send(reply);
}

/** 11. log: always, once, whatever happened. */
export function finish(x: Exchange): void {
  for (const { policy, step } of x.route.log) {
    try {
      step(x);
    } catch (error) {
      x.snapshot.sink.failure(x, new Failure("policy_failed", `policy ${policy}`, error));
    }
  }
  x.snapshot.meter.record(x);
}

/** The route's time is up before the answer began. */
function abandon(x: Exchange): void {
  if (x.ended || x.reply !== undefined) return;
  x.inFlight?.abort();
  x.inFlight = undefined;
  respond(x, x.fail(new Failure("deadline_exceeded")));
}
