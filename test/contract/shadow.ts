/** A scene with two services: the main one, and one that only the gateway's own requests are meant for. */
import type { Way } from "./ways.ts";

export const MAIN = "http://main.example";
export const SHADOW = "http://shadow.example";

/** Routes and services of the scene: requests for shadow.example go to the second service. */
export const LAYOUT: {
  readonly routes: readonly [object, object];
  readonly services: Readonly<Record<string, { readonly endpoints: readonly string[] }>>;
} = {
  routes: [
    { name: "shadow", match: { host: "shadow.example" }, service: "shadow" },
    { name: "all", service: "main" },
  ],
  services: { main: { endpoints: [MAIN] }, shadow: { endpoints: [SHADOW] } },
};

/** What one of the two services got. */
export function sentTo(way: Way, endpoint: string): Way["sent"] {
  return way.sent.filter((sent) => sent.endpoint === endpoint);
}
