// Starts the shop: three services (the catalog in two versions) and the gateway before them, until Ctrl-C.
// Plain JavaScript, for any Node from 20 on: what it starts runs on the Node that this checkout brings.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const node = `${root}node_modules/.bin/node`;
const GATEWAY = "127.0.0.1:8080";
const ADMIN = "127.0.0.1:9901";
/** Longer than the stopTimeout of torana.yaml, in milliseconds. */
const IMPATIENCE = 3_000;

const TRY = `
Try, in another terminal:
  curl ${GATEWAY}/api/products?q=austen
  curl -i ${GATEWAY}/api/products/emma
  curl ${GATEWAY}/api/stock/emma
  curl -X POST ${GATEWAY}/api/orders -H 'content-type: application/json' \\
       -d '{"customer":"you@example.org","items":[{"product":"emma","quantity":1}]}'
  curl -N ${GATEWAY}/api/orders/events                  # then order again
  curl -H 'host: staff.shop.example' ${GATEWAY}/orders    # another host, other routes
  curl ${ADMIN}/routes                                  # what the gateway knows
Change examples/shop/torana.yaml while it runs: the next request sees it.
Ctrl-C stops everything.
`;

if (!existsSync(node)) {
  console.error("start: node_modules is not there; run npm ci first");
  process.exit(1);
}

/** Children by name, as long as they run. */
const running = new Map();
let stopping = false;
let failed = false;

/** Starts a program; gives a promise that is kept when it says that it serves. */
function start(name, command, args, ready) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit", ready.ipc ? "ipc" : "ignore"] });
  running.set(name, child);
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      process.stdout.write(text);
      if (text.includes(ready.word)) resolve();
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(name);
      reject(new Error(`${name} ended before it served`));
      if (stopping) return;
      failed = true;
      console.error(`start: ${name} ended (${signal ?? `exit code ${code}`}); stopping the rest`);
      stop();
    });
  });
}

function service(name, ...args) {
  const file = `${here}services/${name}.ts`;
  return start([name, ...args].join(" "), node, [file, ...args], { word: "http://", ipc: true });
}

function ended(child) {
  return new Promise((resolve) => child.once("close", resolve));
}

/** The gateway first: it answers what is under way, and the services are still there to serve it. */
async function stop(signal) {
  if (stopping) return;
  stopping = true;
  const gateway = running.get("gateway");
  if (gateway !== undefined) {
    // Ctrl-C goes to the whole group: the gateway has it already, and would take a second signal for impatience.
    if (signal === "SIGINT") setTimeout(() => gateway.kill("SIGTERM"), IMPATIENCE).unref();
    else gateway.kill("SIGTERM");
    await ended(gateway);
  }
  await Promise.all(
    [...running.values()].map((child) => {
      child.kill("SIGTERM");
      return ended(child);
    }),
  );
  process.exit(failed ? 1 : 0);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
// A terminal that is closed takes no more words; the rest is stopped all the same.
process.stdout.on("error", () => undefined);

try {
  await Promise.all([
    service("catalog", "9001"),
    service("catalog", "9004", "next"),
    service("inventory", "9002"),
    service("orders", "9003"),
  ]);
  await start("gateway", `${root}bin/torana`, ["run", `${here}torana.yaml`], { word: "listening on" });
  console.log(TRY);
} catch (error) {
  if (!stopping) {
    failed = true;
    console.error(`start: ${error.message}`);
    stop();
  }
}
