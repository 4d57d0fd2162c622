import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";

const run = promisify(execFile);

function has(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function without(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => !has(program));
  return missing.length === 0 ? false : `${missing.join(" and ")} cannot be run here`;
}

/** Runs `torana cert dev` into a folder of the stage; gives its output and exit code. */
async function certDev(
  stage: ProcessStage,
  ...args: readonly string[]
): Promise<{ said: string; code: number | null }> {
  const process = stage.start("cert", "dev", "--out", join(stage.folder, "certs"), ...args);
  const code = await process.exit;
  return { said: process.output, code };
}

test("a CA and a certificate for this machine, that openssl verifies", {
  skip: without("openssl"),
}, async () => {
  await using stage = new ProcessStage();
  const { said, code } = await certDev(stage);
  assert.equal(code, 0, said);
  const at = (name: string): string => join(stage.folder, "certs", name);
  const verified = (purpose: string, ...more: string[]): Promise<{ stdout: string }> =>
    run("openssl", [
      "verify",
      "-x509_strict",
      "-CAfile",
      at("ca.pem"),
      "-purpose",
      purpose,
      ...more,
      at("localhost.pem"),
    ]);
  assert.match((await verified("sslserver", "-verify_hostname", "localhost")).stdout, /: OK/);
  assert.match((await verified("sslserver", "-verify_ip", "127.0.0.1")).stdout, /: OK/);
  assert.match((await verified("sslserver", "-verify_ip", "::1")).stdout, /: OK/);
  await assert.rejects(verified("sslserver", "-verify_hostname", "other.example"));
  await assert.rejects(verified("sslclient"));
  for (const key of ["ca.key", "localhost.key"]) assert.equal(statSync(at(key)).mode & 0o777, 0o600, key);
  const { subject, ca } = new X509Certificate(readFileSync(at("ca.pem")));
  assert.ok(ca);
  assert.match(subject, /^CN=Torana local CA of /);
  assert.match(said, /certs\/localhost\.pem/);
  assert.match(said, /curl --cacert .*ca\.pem https:\/\/localhost:8443\//);
  assert.doesNotMatch(said, /PRIVATE KEY/);
});

test("the CA is used again, by certificates for other hosts", async () => {
  await using stage = new ProcessStage();
  const at = (name: string): string => readFileSync(join(stage.folder, "certs", name), "utf8");
  assert.equal((await certDev(stage)).code, 0);
  const ca = at("ca.pem");
  const { said, code } = await certDev(
    stage,
    "Shop.Test",
    "*.shop.test",
    "10.0.0.7",
    "bücher.test",
    "--days",
    "3",
  );
  assert.equal(code, 0, said);
  assert.match(said, /which was there/);
  assert.equal(at("ca.pem"), ca);
  const made = new X509Certificate(at("shop.test.pem"));
  assert.equal(
    made.subjectAltName,
    "DNS:shop.test, DNS:*.shop.test, IP Address:10.0.0.7, DNS:xn--bcher-kva.test",
  );
  assert.ok(made.checkIssued(new X509Certificate(ca)));
  assert.ok(made.verify(new X509Certificate(ca).publicKey));
  assert.equal(Math.round((made.validToDate.getTime() - Date.now()) / 86_400_000), 3);
  assert.ok(existsSync(join(stage.folder, "certs", "localhost.pem")));
});

test("what cannot be done is said, with the cure, and nothing is overwritten", async () => {
  await using stage = new ProcessStage();
  for (const [args, words] of [
    [["a b"], /"a b" is not a host/],
    [["localhost:8443"], /is not a host.*without a port/],
    [["--days", "500"], /from 1 to 397/],
    [["--nothing"], /--nothing/],
  ] as const) {
    const { said, code } = await certDev(stage, ...args);
    assert.equal(code, 64, said);
    assert.match(said, words);
  }
  assert.equal(existsSync(join(stage.folder, "certs")), false);
  const { said: nothing, exit } = await (async () => {
    const process = stage.start("cert");
    return { exit: await process.exit, said: process.output };
  })();
  assert.equal(exit, 64);
  assert.match(nothing, /dev is needed/);
  assert.equal((await certDev(stage)).code, 0);
  rmSync(join(stage.folder, "certs", "ca.key"));
  const half = await certDev(stage);
  assert.equal(half.code, 1);
  assert.match(half.said, /ca\.key is missing.*--out/);
  stage.add("certs/ca.key", readFileSync(join(stage.folder, "certs", "localhost.key"), "utf8"));
  const other = await certDev(stage);
  assert.equal(other.code, 1);
  assert.match(other.said, /does not belong to the key beside it/);
});

/** A gateway with the certificate, and a service that answers `served`. */
async function serve(stage: ProcessStage, url: string): Promise<number> {
  stage.write({
    workers: 1,
    listeners: [
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: { certificates: [{ cert: "certs/localhost.pem", key: "certs/localhost.key" }] },
      },
    ],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url] } },
  });
  return (await stage.run()).port;
}

test("curl believes a gateway with it", { skip: without("curl") }, async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  assert.equal((await certDev(stage)).code, 0);
  const port = await serve(stage, service.url);
  const args = ["-sS", "--max-time", "10", "--cacert", join(stage.folder, "certs", "ca.pem")];
  assert.equal((await run("curl", [...args, `https://localhost:${port}/`])).stdout, "served");
  assert.equal((await run("curl", [...args, `https://127.0.0.1:${port}/`])).stdout, "served");
  await assert.rejects(
    run("curl", ["-sS", "--max-time", "10", `https://localhost:${port}/`]),
    /certificate/i,
  );
});

test("a browser believes a gateway with it once it trusts the CA, and not before", {
  skip: without("chromium", "certutil"),
}, async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<p>served</p>");
  });
  assert.equal((await certDev(stage)).code, 0);
  const port = await serve(stage, service.url);
  const home = join(stage.folder, "home");
  const store = join(home, ".pki", "nssdb");
  mkdirSync(store, { recursive: true });
  await run("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
  const page = async (): Promise<string> => {
    const profile = join(home, `profile-${Math.random()}`);
    writeFileSync(join(home, "no-crash-dumps"), "");
    const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    const { stdout } = await run(
      "chromium",
      [...args, `--user-data-dir=${profile}`, "--dump-dom", `https://localhost:${port}/`],
      { env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home }, timeout: 60_000 },
    ).catch((error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}${error.stderr}` }));
    return stdout;
  };
  assert.doesNotMatch(await page(), /<p>served<\/p>/);
  const ca = join(stage.folder, "certs", "ca.pem");
  await run("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "torana-local", "-i", ca]);
  assert.match(await page(), /<p>served<\/p>/);
});
