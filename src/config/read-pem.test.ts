import assert from "node:assert/strict";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { readConfig } from "./load.ts";
import { ConfigError, problemLine } from "./problem.ts";
import { hideSecrets, masked } from "./secrets.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const { folder } = authority;
const shop = authority.issue({ names: ["DNS:shop.example", "DNS:*.shop.example", "IP:192.0.2.1"] });
const twin = authority.issue({ names: ["DNS:shop.example"] });
const rsa = authority.issue({ names: ["DNS:shop.example"], kind: "rsa" });
const expired = authority.issue({ names: ["DNS:old.example"], from: -9, to: -2 });
const early = authority.issue({ names: ["DNS:new.example"], from: 2 });
const DAY = 86_400_000;
const text = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
const here = (path: string): string => path.slice(folder.length + 1);
const good = { cert: here(shop.cert), key: here(shop.key) };

function configOf(tls: object, services: object = { main: { endpoints: ["http://127.0.0.1:1"] } }): string {
  const file = join(folder, "torana.json");
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ name: "secure", address: "127.0.0.1:0", tls }],
      routes: [{ name: "all", service: "main" }],
      services,
    }),
  );
  return file;
}

async function problems(tls: object, services?: object): Promise<string[]> {
  try {
    await readConfig(configOf(tls, services));
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map((problem) => problemLine(problem).slice(folder.length + 1));
  }
  return [];
}

test("certificates and keys take the place of their files, which are watched", async () => {
  const loaded = await readConfig(configOf({ certificates: [good] }));
  const [certificate] = loaded.config.listeners[0]!.tls!.certificates;
  assert.equal(certificate?.cert, shop.certText);
  assert.equal(certificate?.key, shop.keyText);
  assert.deepEqual(certificate?.hosts, ["shop.example", "*.shop.example", "192.0.2.1"]);
  assert.equal(certificate?.about?.keyType, "ec");
  assert.ok(loaded.files.includes(shop.cert) && loaded.files.includes(shop.key));
});

test("a private key is shown nowhere", async () => {
  const { config, secrets } = await readConfig(configOf({ certificates: [good] }));
  const shown = JSON.stringify(masked(config, secrets));
  const line = shop.keyText.split("\n")[1]!;
  assert.ok(!shown.includes(line));
  assert.ok(shown.includes(JSON.stringify(shop.certText).slice(1, 60)));
  assert.ok(!hideSecrets(`it says ${JSON.stringify(shop.keyText)}`, secrets).includes(line));
});

test("PEM text may stand in the environment", async () => {
  process.env["TEST_TLS_CERT"] = shop.certText;
  process.env["TEST_TLS_KEY"] = shop.keyText;
  const tls = { certificates: [{ cert: "${env:TEST_TLS_CERT}", key: "${env:TEST_TLS_KEY}" }] };
  const { config } = await readConfig(configOf(tls));
  assert.equal(config.listeners[0]!.tls!.certificates[0]!.about?.label, "shop.example");
});

const cases: readonly (readonly [what: string, tls: object, ...found: readonly RegExp[]])[] = [
  ["no certificate at all", { certificates: [] }, /tls: names no certificate; write certificates/],
  [
    "files that are missing",
    { certificates: [{ cert: "gone.pem", key: "gone.key" }] },
    /^torana\.json:\d+:\d+: listeners\[0\]\.tls\.certificates\[0\]\.cert: the file gone\.pem cannot be read \(ENOENT\); make it/,
    /\.key: the file gone\.key cannot be read/,
  ],
  ["a folder", { certificates: [{ ...good, cert: "." }] }, /the file \. is not a plain file/],
  [
    "what is no PEM",
    { certificates: [{ ...good, cert: text("der.pem", Buffer.of(48, 1, 2)) }] },
    /holds no certificate; write PEM/,
  ],
  [
    "a broken certificate",
    { certificates: [{ ...good, cert: text("cut.pem", shop.certText.replace(/^MII.*$/m, "MIIB")) }] },
    /its certificate 1 cannot be read/,
  ],
  [
    "a key in place of a certificate",
    { certificates: [{ ...good, cert: good.key }] },
    /holds no certificate/,
  ],
  [
    "a certificate in place of a key",
    { certificates: [{ ...good, key: good.cert }] },
    /holds no private key/,
  ],
  [
    "another's key",
    { certificates: [{ ...good, key: here(twin.key) }] },
    /\.key: the file .* does not belong to the certificate; name the key/,
  ],
  [
    "an expired certificate",
    { certificates: [{ cert: here(expired.cert), key: here(expired.key) }] },
    /has expired \(\d{4}-.*renew it/,
  ],
  [
    "one of the future",
    { certificates: [{ cert: here(early.cert), key: here(early.key) }] },
    /is not valid before .*clock/,
  ],
  [
    "two of one kind for one host",
    { certificates: [good, { cert: here(twin.cert), key: here(twin.key) }] },
    /certificates\[1\]: is for shop\.example with a key of the same kind as certificate 1/,
  ],
  [
    "an unknown cipher",
    { certificates: [good], ciphers: ["TLS_AES_128_GCM_SHA256", "BEST"] },
    /ciphers\[1\]: OpenSSL knows no cipher suite "BEST"; write/,
  ],
  [
    "an unknown curve",
    { certificates: [good], curves: ["X25519", "X2"] },
    /curves\[1\]: OpenSSL knows no group "X2"; write/,
  ],
  [
    "a CA file without certificates",
    { certificates: [good], clients: [{ ca: good.key }] },
    /clients\[0\]\.ca: the file .* holds no certificate/,
  ],
  [
    "a CRL that is none",
    { certificates: [good], clients: [{ ca: "ca.pem", crl: good.cert }] },
    /crl: the file .* holds no revocation list/,
  ],
  [
    "a short ticket key",
    { certificates: [good], tickets: { key: text("short", "abc") } },
    /tickets\.key: the file short does not hold 48 bytes; make it/,
  ],
  [
    "an OCSP answer that is none",
    { certificates: [{ ...good, ocsp: good.cert }] },
    /ocsp: the file .* is no OCSP answer/,
  ],
  [
    "an OCSP answer about another",
    { certificates: [{ ...good, ocsp: here(authority.ocsp(twin)) }] },
    /is about another certificate/,
  ],
  [
    "a certificate without its key",
    { certificates: [{ cert: good.cert }] },
    /certificates\[0\]\.key: is missing; write key: certs/,
  ],
  [
    "files beside a source",
    { certificates: [{ ...good, source: "./vault.ts" }] },
    /\.cert: cert and source exclude each other; leave it out/,
    /\.key: key and source exclude each other; leave it out/,
  ],
  [
    "options without a source",
    { certificates: [{ ...good, options: { path: "a" } }] },
    /\.options: options are those of a source; write source/,
  ],
  [
    "an address among the hosts that ask clients for certificates",
    { certificates: [good], clients: [{ hosts: ["a.example", "192.0.2.1"], ca: "ca.pem" }] },
    /clients\[0\]\.hosts\[1\]: 192\.0\.2\.1 is an address: .*; leave hosts out, so that it holds for all/,
  ],
  [
    "an address of version 6 among them",
    { certificates: [good], clients: [{ hosts: ["[2001:db8::1]"], ca: "ca.pem" }] },
    /hosts\[0\]: \[2001:db8::1\] is an address/,
  ],
  ["an unknown key", { certificates: [{ ...good, chain: "x" }] }, /chain: is not known here/],
];

for (const [what, tls, ...found] of cases)
  test(`refuses ${what}`, async () => {
    const said = await problems(tls);
    assert.equal(said.length, found.length, said.join("\n"));
    for (const [i, pattern] of found.entries()) assert.match(said[i]!, pattern);
  });

test("refuses a file that this user may not read", {
  skip: process.getuid?.() === 0 && "root reads all",
}, async () => {
  const key = join(folder, "closed.key");
  copyFileSync(shop.key, key);
  chmodSync(key, 0);
  assert.match(
    (await problems({ certificates: [{ ...good, key: "closed.key" }] }))[0]!,
    /EACCES.*let this user read it/,
  );
});

test("RSA and ECDSA for one host, and an OCSP answer, are taken", async () => {
  assert.deepEqual(
    await problems({ certificates: [good, { cert: here(rsa.cert), key: here(rsa.key) }] }),
    [],
  );
  assert.deepEqual(await problems({ certificates: [{ ...good, ocsp: here(authority.ocsp(shop)) }] }), []);
});

test("an OCSP answer that has expired is left out, and said", async (t) => {
  const file = configOf({ certificates: [{ ...good, ocsp: here(authority.ocsp(shop)) }] });
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3 * DAY });
  const { config, warnings } = await readConfig(file);
  assert.equal(warnings.length, 1);
  assert.match(
    problemLine(warnings[0]!),
    /ocsp: the file .* has expired \(\d{4}-.*\): it is not handed out; fetch it again/,
  );
  const [certificate] = config.listeners[0]!.tls!.certificates;
  assert.equal(certificate?.ocsp, undefined);
  assert.ok(certificate!.about!.ocspUntil! < Date.now());
});

test("a revocation list that has expired is taken, and said: it refuses every client", async () => {
  const clients = (crl: string): object => ({
    certificates: [good],
    clients: [{ ca: "ca.pem", crl: here(crl) }],
  });
  const fresh = await readConfig(configOf(clients(authority.list(-1, 1))));
  assert.deepEqual(fresh.warnings, []);
  const until = fresh.config.listeners[0]!.tls!.clients[0]!.lists!.until!;
  assert.ok(Math.abs(until - Date.now() - DAY) < 60_000);
  const { config, warnings } = await readConfig(configOf(clients(authority.list(-3, -1))));
  assert.match(
    warnings.map(problemLine).join("\n"),
    /^\S+: listeners\[0\]\.tls\.clients\[0\]\.crl: the file .* has expired .*: every client certificate is refused until/,
  );
  assert.ok(config.listeners[0]!.tls!.clients[0]!.lists!.until! < Date.now());
});

test("a certificate and a key that are replaced one after the other are read as a pair", async () => {
  text("pair.pem", shop.certText);
  text("pair.key", shop.keyText);
  const file = configOf({ certificates: [{ cert: "pair.pem", key: "pair.key" }] });
  text("pair.pem", twin.certText);
  const reading = readConfig(file);
  setTimeout(() => text("pair.key", twin.keyText), 100);
  const { config } = await reading;
  assert.equal(config.listeners[0]!.tls!.certificates[0]!.cert, twin.certText);
});

test("the files of a service's tls are read and checked as well", async () => {
  const service = (tls: object): object => ({ main: { endpoints: ["https://127.0.0.1:1"], tls } });
  const listener = { certificates: [good] };
  assert.deepEqual(await problems(listener, service({ ca: "ca.pem" })), []);
  assert.match(
    (await problems(listener, service({ ca: "gone.pem" })))[0]!,
    /services\.main\.tls\.ca: the file gone\.pem/,
  );
  assert.match(
    (await problems(listener, service({ cert: good.cert })))[0]!,
    /names only one of cert and key/,
  );
});
