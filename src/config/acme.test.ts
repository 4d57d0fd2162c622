import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createAuthority, createCertificate, createSelfSigned } from "../lib/x509.ts";
import { acmeAlpnFile, acmeCertificateFile, acmeTokenFile, splitPem } from "./acme-files.ts";
import type { AcmeConfig } from "./acme-schema.ts";
import { checkConfig, readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";

const GOOD = { hosts: ["a.example"], terms: true };

function config(acme: object, more: object = {}): object {
  return {
    listeners: [
      { name: "plain", address: "127.0.0.1:0" },
      { name: "public", address: "127.0.0.1:0", tls: { acme, ...more } },
    ],
  };
}

function acmeOf(written: object): AcmeConfig {
  return checkConfig(written).listeners[1]!.tls!.acme!;
}

function problems(written: object): string[] {
  try {
    checkConfig(written);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, reason, cure }) => `${path}: ${reason}; ${cure}`);
  }
}

test("hosts and terms are enough", () => {
  const acme = acmeOf(config({ hosts: ["Shop.Example", "www.shop.example"], terms: true }));
  assert.deepEqual(acme.hosts, ["shop.example", "www.shop.example"]);
  assert.equal(acme.directory, "https://acme-v02.api.letsencrypt.org/directory");
  assert.equal(acme.challenge, "http-01");
  assert.match(acme.storage, /^\/.*\/acme$/);
});

test("what cannot work is a problem, with its place and cure", () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [config({ hosts: ["a.example"] }), /^listeners\[1\]\.tls\.acme\.terms: .*true/],
    [config({ ...GOOD, terms: false }), /^listeners\[1\]\.tls\.acme\.terms: .*true/],
    [config({ ...GOOD, hosts: [] }), /^listeners\[1\]\.tls\.acme\.hosts/],
    [config({ ...GOOD, hosts: ["*.a.example"] }), /^listeners\[1\]\.tls\.acme\.hosts\[0\]: .*without \*/],
    [config({ ...GOOD, hosts: ["10.0.0.1"] }), /^listeners\[1\]\.tls\.acme\.hosts\[0\]: not a name/],
    [config({ ...GOOD, hosts: ["localhost"] }), /^listeners\[1\]\.tls\.acme\.hosts\[0\]: not a name/],
    [config({ ...GOOD, directory: "http://ca.example/" }), /^listeners\[1\]\.tls\.acme\.directory: .*https/],
    [config({ ...GOOD, email: "nobody" }), /^listeners\[1\]\.tls\.acme\.email/],
    [config({ ...GOOD, challenge: "dns-01" }), /^listeners\[1\]\.tls\.acme\.challenge/],
    [config({ ...GOOD, ca: "no-such-file.pem" }), /^listeners\[1\]\.tls\.acme\.ca: .*cannot be read/],
  ];
  for (const [written, words] of cases) {
    const found = problems(written);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.match(found[0]!, words);
  }
});

test("HTTP-01 needs a listener that takes http; TLS-ALPN-01 does not", () => {
  const alone = (acme: object): object => ({
    listeners: [{ name: "public", address: "127.0.0.1:0", tls: { acme } }],
  });
  assert.match(
    problems(alone(GOOD))[0]!,
    /^listeners\[0\]\.tls\.acme: the CA asks by http, which no listener takes/,
  );
  assert.deepEqual(problems(alone({ ...GOOD, challenge: "tls-alpn-01" })), []);
});

test("a host with a certificate of a file cannot have one by ACME as well", async () => {
  const own = await createCertificate(["a.example"], 1, await createAuthority("CA", 2));
  const found = problems(config(GOOD, { certificates: [own] }));
  assert.match(
    found[0]!,
    /^listeners\[1\]\.tls\.acme\.hosts\[0\]: a\.example has a certificate of a file already/,
  );
});

test("what was obtained is read with the config and watched; what cannot be shown is not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "torana-acme-"));
  try {
    const file = join(folder, "torana.json");
    writeFileSync(file, JSON.stringify(config({ ...GOOD, storage: "." })));
    const read = async () => {
      const { config: loaded, files, secrets } = await readConfig(file);
      return { tls: loaded.listeners[1]!.tls!, files, secrets };
    };
    const before = await read();
    assert.deepEqual(before.tls.certificates, []);
    const there = acmeCertificateFile(before.tls.acme!);
    assert.ok(before.files.includes(there));
    const { cert, key } = await createSelfSigned(["a.example"], 1);
    for (const useless of ["", "rubbish", cert, key, key + (await createSelfSigned(["a.example"], 1)).cert]) {
      writeFileSync(there, useless);
      assert.deepEqual((await read()).tls.certificates, []);
    }
    writeFileSync(there, key + cert);
    const { tls, secrets } = await read();
    assert.deepEqual(
      tls.certificates.map((one) => [one.cert, one.key, one.hosts]),
      [[cert, key, ["a.example"]]],
    );
    assert.ok(secrets.texts.includes(key));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("names of files come from tokens and hosts only", () => {
  assert.equal(acmeTokenFile("/s", "abcdefghijklmnop-_0"), "/s/challenges/abcdefghijklmnop-_0");
  assert.equal(acmeAlpnFile("/s", "a.example"), "/s/challenges/a.example.alpn.pem");
  for (const odd of [
    "",
    "short",
    "../../../etc/passwd00",
    "abcdefghijklmnop/x",
    "abcdefghijklmnop.",
    "a".repeat(300),
  ])
    assert.equal(acmeTokenFile("/s", odd), undefined, odd);
  for (const odd of ["", "a/b", "a b", "A.EXAMPLE", "a\0b"])
    assert.equal(acmeAlpnFile("/s", odd), undefined, odd);
});

test("a PEM text is taken apart into certificates and key", async () => {
  const { cert, key } = await createSelfSigned(["a.example"], 1);
  assert.deepEqual(splitPem(`${key}${cert}${cert}`), { cert: cert + cert, key });
  assert.equal(splitPem(cert), undefined);
  assert.equal(splitPem(key), undefined);
});
