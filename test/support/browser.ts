/** A real browser: Debian's Chromium, driven by playwright-core. */
import { execFileSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";

/** Why no browser can be started here; false where one can. */
export function withoutBrowser(): string | false {
  try {
    execFileSync("sh", ["-c", "command -v chromium"], { stdio: "ignore" });
    return false;
  } catch {
    return "chromium cannot be run here";
  }
}

/** Starts it without a window. */
export function startBrowser(): Promise<Browser> {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"]).toString().trim();
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  return chromium.launch({ executablePath, args, headless: true });
}
