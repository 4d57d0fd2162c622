import { Failure } from "../errors/failure.ts";
import { HeldBody } from "../lib/body.ts";
import { Reply } from "../lib/reply.ts";
import { planRequestBody, planResponseBody } from "./body-plan.ts";
import { isThenable, policyFailed, settle } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import { beginCall, followAnswer, passTimeout } from "./grpc.ts";
import { receive } from "./receive.ts";
import { addTransportSecurity } from "./transport-security.ts";
import { guardTunnel } from "./tunnel-guard.ts";

/**
 * The walk of one request, from its head to the log. The numbers are the headings of docs/life-of-a-request.md.
 * Nothing here waits unless a policy or the service makes it wait.
 */
export function handle(x: Exchange): void {
  // 1. route: the snapshot matches host, path, method, fields, query, client. A miss is a route as well.
  const { route, pattern } = x.snapshot.router.match(x);
  x.route = route;
  x.pattern = pattern;

  // 2. receive: who is at the other end, the id, and what will be sent to the service
  receive(x);
  if (x.grpc !== undefined) {
    const broken = beginCall(x, x.grpc);
    if (broken !== undefined) {
      respond(x, x.fail(broken));
      return;
    }
  } else if (route.deadline > 0) x.answerWithin(route.deadline, () => abandon(x));

  // 2–7. receive, authenticate, authorize, limit, request, cache: the policies of these phases, folded into one
  if (route.request === undefined) {
    forward(x);
    return;
  }
  const verdict = route.request(x);
  if (verdict === undefined) forward(x);
  else if (verdict instanceof Reply) respond(x, verdict.own());
  else
    verdict.then((late) => {
      if (x.settled) late?.discard();
      else if (late === undefined) forward(x);
      else respond(x, late.own());
    });
}

/** 8. forward: endpoint, attempt, retry. It gives a reply or a failure, and never throws. */
function forward(x: Exchange): void {
  if (x.route.split !== undefined) x.route = x.route.split.pick(x);
  const broken =
    x.route.bodies.request === undefined ? undefined : planRequestBody(x, x.route.bodies.request);
  if (broken !== undefined) {
    respond(x, broken);
    return;
  }
  if (x.grpc !== undefined) passTimeout(x, x.grpc);
  // Without policies nothing took time since the start: one reading of the clock less.
  x.forwardedAt = x.route.request === undefined ? x.startedAt : x.snapshot.clock.now();
  x.snapshot.forwarder.forward(x, (result) => {
    if (x.settled) {
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
      verdict = policyFailed(x, policy, error);
    }
    if (verdict !== undefined && !(verdict instanceof Reply)) verdict = await settle(x, policy, verdict);
    if (x.settled) return;
    if (verdict instanceof Reply) {
      respond(x, verdict.own());
      return;
    }
  }
  respond(x, x.fail(failure));
}

/** 9. response: the head of every answer, our own too, else a 401 lacks its CORS fields. */
function respond(x: Exchange, reply: Reply): void {
  x.reply = reply;
  if (x.grpc !== undefined) followAnswer(x, x.grpc, reply);
  const { response, bodies } = x.route;
  if (bodies.responseBuffer > 0) {
    bufferFirst(x, reply, bodies.responseBuffer);
    return;
  }
  const changed = response === undefined ? reply : response(x, reply);
  if (changed instanceof Reply) send(x, changed);
  else changed.then((late) => send(x, late));
}

/** A policy wants the answer whole before its response step. */
async function bufferFirst(x: Exchange, reply: Reply, max: number): Promise<void> {
  x.onAbort(() => reply.discard());
  const problem = isSendable(reply) ? await reply.hold(max) : undefined;
  if (x.ended || x.sending) return;
  const code = problem?.code === "body_too_large" ? "response_body_too_large" : problem?.code;
  const ready = code === undefined ? reply : x.fail(new Failure(code, problem?.detail));
  x.reply = ready;
  send(x, x.route.response === undefined ? ready : await x.route.response(x, ready));
}

/** 10. send: head and body, with backpressure both ways. */
function send(x: Exchange, reply: Reply): void {
  if (x.ended || x.sending) {
    reply.discard();
    return;
  }
  let ready = isSendable(reply)
    ? reply
    : policyFailed(x, "(unknown)", new TypeError("a reply has no valid status or body"));
  if (x.route.bodies.response !== undefined) ready = planResponseBody(x, ready, x.route.bodies.response);
  // Without response steps an answer leaves as it comes: one reading of the clock less.
  const atOnce = x.answeredAt !== 0 && x.route.response === undefined && x.route.bodies.responseBuffer === 0;
  x.sentAt = atOnce ? x.answeredAt : x.snapshot.clock.now();
  x.disarm();
  addTransportSecurity(ready, x.downstream.peer);
  x.sending = true;
  x.reply = ready;
  if (ready.tunnel !== undefined) {
    const { tunnelLimits } = x.route;
    if (tunnelLimits !== undefined) ready.tunnel = guardTunnel(x, ready.tunnel, tunnelLimits);
    x.snapshot.tunnels.add(x);
  }
  x.downstream.send(ready);
}

/** 11. log: always, once, whatever happened. */
export function finish(x: Exchange): void {
  for (const { policy, step } of x.route.log) {
    const broke = (error: unknown): void => x.report(new Failure("policy_failed", `policy ${policy}`, error));
    try {
      const wait: unknown = step(x);
      if (isThenable(wait)) wait.then(undefined, broke);
    } catch (error) {
      broke(error);
    }
  }
  x.snapshot.meter.record(x);
}

/** The route's time is up before the answer began: what is under way ends, and the client learns why. */
export function abandon(x: Exchange): void {
  if (x.ended || x.sending) return;
  const begun = x.reply;
  x.abort();
  begun?.discard();
  const late = x.fail(new Failure("deadline_exceeded"));
  // Response steps that were at work on the answer do not get a second one.
  if (begun === undefined) respond(x, late);
  else send(x, late);
}

function isSendable({ status, body, tunnel }: Reply): boolean {
  const known =
    Number.isInteger(status) && status <= 999 && (status >= 200 || (status === 101 && tunnel !== undefined));
  return known && (body === undefined || body instanceof HeldBody || typeof body.start === "function");
}
