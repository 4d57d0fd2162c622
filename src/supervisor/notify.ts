import { execFile } from "node:child_process";

/**
 * Tells systemd how this process is (sd_notify(3)): ready, reloading, stopping; nothing happens without it. Node speaks no
 * datagrams on Unix sockets, so systemd's own program carries the word.
 */
export function notify(...states: readonly string[]): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return Promise.resolve();
  return new Promise((done) => {
    execFile("systemd-notify", [...states], { timeout: 2_000 }, (error) => {
      if (error) console.error(`torana: systemd could not be told ${states.join(" ")}: ${error.message}`);
      done();
    });
  });
}
