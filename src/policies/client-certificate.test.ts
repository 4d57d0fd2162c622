import assert from "node:assert/strict";
import type { ClientCertificate, PeerTls } from "../lib/request.ts";
import { describePolicy } from "../testing/index.ts";
import { clientCertificate } from "./client-certificate.ts";

const certificate: ClientCertificate = {
  subject: "CN=orders,O=Example",
  issuer: "CN=CA",
  names: ["URI:spiffe://example/orders"],
  spiffeId: "spiffe://example/orders",
  fingerprint: "00".repeat(32),
  serial: "01",
  notAfter: 4_000_000_000_000,
  der: "TEVBRg==",
  chain: ["T05F", "VFdP"],
};
const tls: PeerTls = {
  serverName: "a.example",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  alpn: "http/1.1",
  certificate,
  requirement: "",
};
/** What somebody might send to pass for another. */
const FORGED = { "client-cert": ":Rk9SR0VE:", "Client-Cert-Chain": ":Rk9SR0VE:", client_cert: ":Rk9SR0VE:" };

describePolicy(clientCertificate, {
  refused: [{ options: { require: "yes" }, message: /require/ }],
  steps: [
    {
      title: "forwards the certificate in place of the client's own word",
      options: {},
      peer: { secure: true, tls },
      request: { fields: FORGED },
      check({ sent, exchange }) {
        assert.equal(exchange.clientCertificate?.spiffeId, "spiffe://example/orders");
        assert.deepEqual(sent[0]?.fields.all("client-cert"), [":TEVBRg==:"]);
        assert.equal(sent[0]?.fields.has("client-cert-chain"), false);
        assert.equal(sent[0]?.fields.has("client_cert"), false);
      },
    },
    {
      title: "forwards the chain where that is asked for",
      options: { chain: true },
      peer: { secure: true, tls },
      check({ sent }) {
        assert.deepEqual(sent[0]?.fields.all("client-cert-chain"), [":T05F:, :VFdP:"]);
      },
    },
    {
      title: "forwards nothing where that is not wanted",
      options: { forward: false, require: true },
      peer: { secure: true, tls },
      request: { fields: FORGED },
      check({ reply, sent }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]?.fields.has("client-cert"), false);
      },
    },
    {
      title: "refuses who has none, whatever the client or a trusted proxy says",
      options: { require: true },
      peer: { trusted: true },
      request: { fields: FORGED },
      check({ reply, sent, exchange }) {
        assert.equal(reply.status, 403);
        assert.equal(exchange.failure?.code, "client_certificate_missing");
        assert.equal(sent.length, 0);
      },
    },
  ],
  wire: {
    title: "removes the client's own word",
    options: {},
    request: { fields: FORGED },
    check({ sent }) {
      assert.equal(sent[0]?.fields.has("client-cert"), false);
      assert.equal(sent[0]?.fields.has("client-cert-chain"), false);
      assert.equal(sent[0]?.fields.has("client_cert"), false);
    },
  },
});
