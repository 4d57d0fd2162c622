import { Socket } from "node:net";
import { explainRequest } from "../snapshot/explain.ts";
import { ExplainProblem } from "../snapshot/explain-head.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { explainArguments } from "./explain-arguments.ts";
import { explanationText } from "./explain-text.ts";
import { withConfig } from "./open-config.ts";

/** `torana explain FILE URL`: what becomes of a request, by the config alone. */
export const explain: Command = {
  summary: "say what becomes of a request: route, steps, and what the service is asked; nothing is sent",
  usage:
    "FILE [METHOD] URL [-H 'name: value']… [-d DATA] [-u USER:PASSWORD] [-b COOKIE] [--from ADDRESS] [--listener NAME] [--json]",
  async run(args) {
    const { file, json, request } = explainArguments(args);
    seal();
    return withConfig(file, async ({ snapshot, loaded }) => {
      try {
        const explanation = await explainRequest(snapshot, request, { locate: loaded.locate, ownCode: true });
        console.log(json ? JSON.stringify(explanation, undefined, 2) : explanationText(explanation));
        return EXIT.ok;
      } catch (error) {
        throw error instanceof ExplainProblem ? new UsageError(error.message) : error;
      }
    });
  },
};

/**
 * Users' own policies run here, and may know other ways out than the ports. This process, which ends soon, is as one without
 * a network.
 */
function seal(): void {
  const closed = (): Error => new Error("there is no network while explaining");
  Socket.prototype.connect = function unreachable(this: Socket): Socket {
    return this.destroy(closed());
  };
  globalThis.fetch = () => Promise.reject(closed());
}
