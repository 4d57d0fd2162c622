/** Certificates for tests, made by openssl in a folder of their own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a certificate is to be like. */
export interface Wish {
  /** Alternative names: "DNS:a.example", "URI:spiffe://…"; the first is the common name as well. */
  readonly names: readonly string[];
  readonly kind?: "ec" | "rsa";
  /** What it is for (default server). */
  readonly use?: "server" | "client";
  /** Days from now at which it begins and ends (default -1 and 30). */
  readonly from?: number;
  readonly to?: number;
}

/** A certificate with its key: paths of the files, and their text. */
export interface Made {
  readonly cert: string;
  readonly key: string;
  readonly certText: string;
  readonly keyText: string;
}

/** The time as openssl ca takes it. */
function openSslTime(days: number): string {
  return new Date(Date.now() + days * 86_400_000)
    .toISOString()
    .replace(/[-:T]/g, "")
    .slice(0, 14)
    .concat("Z");
}

/** A CA in a folder of its own, which goes when it is disposed of. */
export class TestAuthority implements Disposable {
  readonly folder: string;
  readonly #name: string;
  #made = 0;

  constructor(name = "test CA") {
    this.#name = name;
    this.folder = mkdtempSync(join(tmpdir(), "torana-ca-"));
    writeFileSync(join(this.folder, "index.txt"), "");
    writeFileSync(join(this.folder, "serial"), "1000\n");
    writeFileSync(join(this.folder, "crlnumber"), "01\n");
    writeFileSync(join(this.folder, "ca.cnf"), this.#config());
    this.#run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key");
    this.#run(
      ...["req", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", "-days", "60", "-subj", `/CN=${name}`],
      ...["-config", "ca.cnf", "-extensions", "authority"],
    );
  }

  #config(): string {
    return `
[ca]
default_ca = here
[here]
dir = ${this.folder}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = ${this.#name}
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
`;
  }

  #run(...args: readonly string[]): string {
    return execFileSync("openssl", args, {
      cwd: this.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Path of the CA's certificate. */
  get cert(): string {
    return join(this.folder, "ca.pem");
  }

  get certText(): string {
    return readFileSync(this.cert, "latin1");
  }

  /** A new certificate. */
  issue({ names, kind = "ec", use = "server", from = -1, to = 30 }: Wish): Made {
    const id = `made-${++this.#made}`;
    const path = (end: string): string => join(this.folder, `${id}.${end}`);
    if (kind === "ec") this.#run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("key"));
    else this.#run("genrsa", "-out", path("key"), "2048");
    const common = names[0]!.replace(/^[A-Za-z]+:/, "").replaceAll("/", "\\/");
    this.#run(
      ...[
        "req",
        "-new",
        "-key",
        path("key"),
        "-out",
        path("csr"),
        "-subj",
        `/CN=${common}`,
        "-config",
        "ca.cnf",
      ],
    );
    writeFileSync(
      path("ext"),
      [
        "basicConstraints = critical,CA:FALSE",
        "keyUsage = critical,digitalSignature",
        `extendedKeyUsage = ${use === "server" ? "serverAuth" : "clientAuth"}`,
        `subjectAltName = ${names.join(",")}`,
        "",
      ].join("\n"),
    );
    this.#run(
      ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-in", path("csr"), "-out", path("pem")],
      ...["-extfile", path("ext"), "-startdate", openSslTime(from), "-enddate", openSslTime(to)],
    );
    const read = (file: string): string => readFileSync(file, "latin1");
    return { cert: path("pem"), key: path("key"), certText: read(path("pem")), keyText: read(path("key")) };
  }

  /** The list of what it has revoked so far, these among it; its path. */
  revoke(...certificates: readonly Made[]): string {
    for (const { cert } of certificates) this.#run("ca", "-config", "ca.cnf", "-revoke", cert);
    const crl = join(this.folder, `list-${++this.#made}.crl`);
    this.#run("ca", "-config", "ca.cnf", "-gencrl", "-out", crl);
    return crl;
  }

  /** The list of what it has revoked so far, which begins and ends so many days from now; its path. */
  list(from: number, to: number): string {
    const crl = join(this.folder, `list-${++this.#made}.crl`);
    this.#run(
      ...["ca", "-config", "ca.cnf", "-gencrl", "-out", crl],
      ...["-crl_lastupdate", openSslTime(from), "-crl_nextupdate", openSslTime(to)],
    );
    return crl;
  }

  /** Its word on a certificate (OCSP, DER); the path. */
  ocsp({ cert }: Made, days = 2): string {
    const answer = join(this.folder, `word-${++this.#made}.ocsp`);
    this.#run(
      ...["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key"],
      ...["-issuer", "ca.pem", "-cert", cert, "-ndays", String(days), "-respout", answer, "-noverify"],
    );
    return answer;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
