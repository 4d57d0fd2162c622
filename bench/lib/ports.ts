import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { must } from "./failure.ts";

/** Ports of 127.0.0.1 that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) server.close();
  return ports;
}

/** Waits until the port takes connections, at most 10 s; `check` may throw earlier. */
export async function waitForPort(port: number, check: () => void): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await takesConnections(port))) {
    check();
    must(Date.now() < deadline, `nothing listens on 127.0.0.1:${port} after 10 s`);
    await new Promise((done) => setTimeout(done, 25));
  }
  check();
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
