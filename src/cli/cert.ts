import { parseArgs } from "node:util";
import { CertFileError, makeDevCertificate } from "./cert-files.ts";
import { devCertificateText } from "./cert-text.ts";
import { type Command, EXIT, UsageError } from "./command.ts";

/** Browsers refuse certificates that are valid for longer than 398 days. */
const MAX_DAYS = 397;
const DEFAULT_HOSTS = ["localhost", "127.0.0.1", "::1"];

/** `torana cert dev [HOST…]`: a local CA and a certificate by it, for trying things out. */
export const cert: Command = {
  summary: "make a local CA and a certificate for trying things out",
  usage: "dev [HOST…] [--out certs] [--days 397]",
  run: async (args) => {
    const [what, ...rest] = args;
    if (what !== "dev")
      throw new UsageError(what === undefined ? "dev is needed" : `${JSON.stringify(what)} is not dev`);
    const { hosts, out, days } = await understood(rest);
    try {
      const made = await makeDevCertificate(hosts, out, days);
      console.log(devCertificateText(made));
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof CertFileError)) throw error;
      console.error(`torana: ${error.message}`);
      return EXIT.failed;
    }
  },
};

async function understood(args: readonly string[]): Promise<{ hosts: string[]; out: string; days: number }> {
  const { values, positionals } = parsed(args);
  const days = Number(values.days);
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS)
    throw new UsageError(
      `--days is a number from 1 to ${MAX_DAYS}: browsers refuse what is valid for longer`,
    );
  if (values.out === "") throw new UsageError("--out names a folder");
  const { certificateHost } = await import("../lib/x509.ts");
  const hosts = (positionals.length > 0 ? positionals : DEFAULT_HOSTS).map((written) => {
    const host = certificateHost(written);
    if (host === undefined)
      throw new UsageError(
        `${JSON.stringify(written)} is not a host; write a name, *.name or an IP address, without a port`,
      );
    return host;
  });
  return { hosts: [...new Set(hosts)], out: values.out, days };
}

function parsed(args: readonly string[]): {
  values: { out: string; days: string };
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: "string", default: "certs" },
        days: { type: "string", default: String(MAX_DAYS) },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
