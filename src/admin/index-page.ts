import type { Endpoint } from "./endpoints.ts";
import type { Readiness } from "./source.ts";

/** The page at `/`: what there is to ask. It runs no script and loads nothing. */
export function indexPage(endpoints: readonly Endpoint[], { ready, reasons }: Readiness): string {
  const state = ready
    ? "<p>Ready.</p>"
    : `<p>Not ready:</p>\n<ul>${reasons.map((reason) => `<li>${escaped(reason)}</li>`).join("")}</ul>`;
  const rows = endpoints.map(({ method, path, summary }) => {
    const shown = method === "GET" ? `<a href="${escaped(path)}">${escaped(path)}</a>` : escaped(path);
    return `<tr><td>${method}</td><td>${shown}</td><td>${escaped(summary)}</td></tr>`;
  });
  return [
    "<!doctype html>",
    '<html lang="en"><meta charset="utf-8"><title>Torana</title>',
    '<meta name="viewport" content="width=device-width">',
    `<style>${STYLE}</style>`,
    "<h1>Torana</h1>",
    state,
    "<table>",
    ...rows,
    "</table>",
    "</html>",
    "",
  ].join("\n");
}

const STYLE =
  ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}" +
  "td{padding:.2rem 1rem .2rem 0;vertical-align:top}";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
