import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AUDIENCE, ISSUER } from "../lib/credentials.ts";
import { launch, type Program } from "../lib/process.ts";
import { haproxyConfig } from "./haproxy.ts";

/** What a HAProxy that verifies tokens is started with. */
export interface SecuredSetup {
  readonly folder: string;
  readonly port: number;
  readonly endpoints: readonly number[];
  readonly core: number;
  /** PEM file of the key that verifies. */
  readonly publicKey: string;
}

/** HAProxy with `jwt_verify` of each request and a rate of each subject in a stick table; the config as well. */
export async function startSecuredHaproxy(
  setup: SecuredSetup,
): Promise<{ readonly program: Program; readonly config: string }> {
  const config = securedConfig(setup);
  const file = join(setup.folder, "haproxy.cfg");
  writeFileSync(file, config);
  const program = await launch({
    name: "haproxy",
    command: "haproxy",
    args: ["-db", "-f", file],
    core: setup.core,
    files: 3_000,
    ready: setup.port,
  });
  return { program, config };
}

/** Its documentation's own recipe: algorithm, issuer, audience, time and signature of each token, then a count by subject. */
function securedConfig(setup: SecuredSetup): string {
  const rules = `  stick-table type string len 64 size 100k expire 2m store http_req_rate(60s)
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_header_query('$.alg') -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('$.iss') -m str ${ISSUER} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('$.aud') -m str ${AUDIENCE} }
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify("RS256","${setup.publicKey}") -m int 1 }
  http-request track-sc0 var(txn.bearer),jwt_payload_query('$.sub')
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }`;
  return haproxyConfig(setup).replace("  option forwardfor\n", `${rules}\n  option forwardfor\n`);
}
