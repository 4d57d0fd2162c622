import assert from "node:assert/strict";
import type { ClientCertificate, PeerTls } from "../lib/request.ts";
import { describePolicy, type PolicyRun, testClock } from "../testing/index.ts";
import { mtls } from "./mtls.ts";

const FINGERPRINT = "ab".repeat(32);
const clock = testClock();

const consumers = [
  { name: "billing", certificates: [{ fingerprint: FINGERPRINT.toUpperCase().replace(/..(?=.)/g, "$&:") }] },
  {
    name: "orders",
    certificates: [
      { san: "DNS:Orders.Example" },
      { san: "URI:spiffe://example/orders" },
      { subject: "CN=orders,O=Example" },
      { subject: "CN=old", expires: "2023-11-14" },
      { subject: "CN=next", notBefore: "2023-11-15" },
    ],
  },
];

function peer(certificate: Partial<ClientCertificate>): { secure: boolean; tls: PeerTls } {
  const whole: ClientCertificate = {
    subject: "CN=stranger",
    issuer: "CN=CA",
    names: [],
    spiffeId: undefined,
    fingerprint: "00".repeat(32),
    serial: "01",
    notAfter: clock.wall() + 1,
    der: "",
    chain: [],
    ...certificate,
  };
  const tls = {
    serverName: "",
    protocol: "TLSv1.3",
    cipher: "",
    alpn: "",
    requirement: "",
    certificate: whole,
  };
  return { secure: true, tls };
}

const outcome = ({ reply, exchange }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
];

function knows(title: string, certificate: Partial<ClientCertificate>, expected: unknown[], options = {}) {
  const check = (run: PolicyRun): void => assert.deepEqual(outcome(run), expected);
  return { title, options, peer: peer(certificate), clock, check };
}

describePolicy(mtls, {
  consumers,
  refused: [{ options: { by: [] }, message: /by/ }],
  steps: [
    knows("a fingerprint", { fingerprint: FINGERPRINT }, [200, undefined, "billing"]),
    knows("a DNS name", { names: ["IP:10.0.0.1", "DNS:orders.EXAMPLE"] }, [200, undefined, "orders"]),
    knows("a URI", { names: ["URI:spiffe://example/orders"] }, [200, undefined, "orders"]),
    knows("a subject", { subject: "CN=orders,O=Example" }, [200, undefined, "orders"]),
    knows("nobody else", {}, [403, "mtls_unknown", undefined]),
    knows("a fingerprint before names", { fingerprint: FINGERPRINT, names: ["DNS:orders.example"] }, [
      200,
      undefined,
      "billing",
    ]),
    knows(
      "only what it is told to look at",
      { subject: "CN=orders,O=Example" },
      [403, "mtls_unknown", undefined],
      {
        by: ["san"],
      },
    ),
    knows(
      "that a certificate has expired since its handshake",
      { fingerprint: FINGERPRINT, notAfter: clock.wall() },
      [403, "mtls_expired", undefined],
    ),
    knows("that a credential has expired", { subject: "CN=old" }, [403, "mtls_expired", undefined]),
    knows("that a credential's time is to come", { subject: "CN=next" }, [403, "mtls_not_yet", undefined]),
  ],
  wire: {
    title: "refuses who shows none",
    options: {},
    check: (run) => assert.deepEqual(outcome(run), [403, "mtls_missing", undefined]),
  },
});

describePolicy(mtls, {
  consumers: [
    { name: "a", certificates: [{ san: "DNS:a.example" }] },
    { name: "b", certificates: [{ san: "DNS:b.example" }] },
  ],
  refused: [],
  steps: [
    knows("not which of two is meant", { names: ["DNS:a.example", "DNS:b.example"] }, [
      403,
      "mtls_ambiguous",
      undefined,
    ]),
  ],
  wire: {
    title: "goes on without one where that is allowed",
    options: { optional: true },
    check: (run) => assert.deepEqual(outcome(run), [200, undefined, undefined]),
  },
});
