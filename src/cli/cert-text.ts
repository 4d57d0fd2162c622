import type { DevCertificate } from "./cert-files.ts";

/** What a person is told about a certificate that was made: what to write, and how to trust it. */
export function devCertificateText(made: DevCertificate): string {
  const { ca, caKey, cert, key, hosts, newCa, until } = made;
  const host = hosts[0]!.replace("*", "www");
  return [
    newCa
      ? `wrote ${ca} and ${caKey}: a new CA; certificates made later here are by it too`
      : `the CA is ${ca}, which was there`,
    `wrote ${cert} and ${key}: for ${hosts.join(", ")}, until ${until.toISOString().slice(0, 10)}`,
    "",
    "In a config (paths begin at the file that they are written in):",
    "  listeners:",
    "    - name: public",
    '      address: "127.0.0.1:8443"',
    "      tls:",
    "        certificates:",
    `          - { cert: ${JSON.stringify(cert)}, key: ${JSON.stringify(key)} }`,
    "",
    "Whoever is to believe it must trust the CA, and nobody needs its key:",
    ...trusting(ca, host).map(([who, what]) => `  ${who.padEnd(16)} ${what}`),
    "",
    `${caKey} can sign a certificate for any host: keep it to yourself, out of repositories and images.`,
  ].join("\n");
}

function trusting(ca: string, host: string): [string, string][] {
  const file = shellWord(ca);
  return [
    ["curl", `curl --cacert ${file} https://${host.includes(":") ? `[${host}]` : host}:8443/`],
    ["Node.js", `NODE_EXTRA_CA_CERTS=${file} node …`],
    [
      "Debian, Ubuntu",
      `sudo cp ${file} /usr/local/share/ca-certificates/torana-local.crt && sudo update-ca-certificates`,
    ],
    ["Fedora, Arch", `sudo trust anchor ${file}`],
    ["Chrome on Linux", `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n torana-local -i ${file}`],
    ["Firefox", "Settings, Certificates, Authorities, Import"],
    ["macOS", `sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${file}`],
    ["Windows", `certutil -addstore -f ROOT ${file}`],
  ];
}

function shellWord(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
