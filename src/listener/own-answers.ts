import type { Config, ListenerConfig } from "../config/schema.ts";
import { Failure } from "../errors/failure.ts";
import { answerDirectly } from "../pipeline/answer.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import { schemeOf } from "../pipeline/scheme.ts";
import { AcmeChallenges, isChallenge } from "./acme-challenges.ts";
import { httpsRedirect } from "./https-redirect.ts";

/** What a listener answers by itself, before any route: challenges of a CA, and the way to https. */
export class OwnAnswers {
  readonly #challenges: AcmeChallenges | undefined;
  readonly #httpsPort: number | undefined;

  constructor(challenges: AcmeChallenges | undefined, httpsPort: number | undefined) {
    this.#challenges = challenges;
    this.#httpsPort = httpsPort;
  }

  /** Of a listener; undefined where it answers nothing by itself. */
  static of({ redirectToHttps }: ListenerConfig, config: Config): OwnAnswers | undefined {
    const challenges = AcmeChallenges.of(config);
    if (challenges === undefined && redirectToHttps === undefined) return undefined;
    return new OwnAnswers(challenges, redirectToHttps);
  }

  /**
   * Answers an exchange, or has it handled as all others.
   * @param written the path as the client sent it
   */
  take(x: Exchange, written: string): void {
    const port = this.#httpsPort;
    if (isChallenge(x.request.path)) void this.#challenged(x);
    // A proxy before this one may have spoken https: a redirect would lead around in a circle.
    else if (port === undefined || schemeOf(x) === "https") handle(x);
    else redirect(x, written, port);
  }

  /** A challenge is never sent elsewhere; what is not ours may be that of a service behind this gateway. */
  async #challenged(x: Exchange): Promise<void> {
    const reply = await this.#challenges?.answer(x.request.path);
    if (x.ended) return;
    if (reply === undefined) handle(x);
    else answerDirectly(x, () => reply);
  }
}

function redirect(x: Exchange, written: string, port: number): void {
  answerDirectly(
    x,
    () =>
      httpsRedirect(x.request, written, port) ??
      x.fail(new Failure("host_invalid", "the request names no host to send it to by https")),
  );
}
