import type { MetricSpec } from "./exposition.ts";

const table = {
  requests: {
    name: "torana_requests_total",
    type: "counter",
    help: "Requests that are over, by status class and, where the gateway answered or failed itself, by reason.",
  },
  duration: {
    name: "torana_request_duration_seconds",
    type: "histogram",
    help: "From the head of a request to the end of its answer; for a tunnel: until it was open.",
  },
  gateway: {
    name: "torana_gateway_duration_seconds",
    type: "histogram",
    help: "The gateway's own part of the time until the head of the answer was sent: all but the wait for the service.",
  },
  upstream: {
    name: "torana_upstream_duration_seconds",
    type: "histogram",
    help: "From handing a request on to the head of the service's answer, the wait for a connection and all tries included.",
  },
  responseBytes: {
    name: "torana_response_bytes_total",
    type: "counter",
    help: "Bytes of answers' bodies that were sent to clients.",
  },
  retries: {
    name: "torana_upstream_retries_total",
    type: "counter",
    help: "Tries after the first.",
  },
  grpc: {
    name: "torana_grpc_requests_total",
    type: "counter",
    help: "gRPC calls that are over, by the status that the client was told.",
  },
  refused: {
    name: "torana_refused_total",
    type: "counter",
    help: "Requests that were refused before they were read whole, by reason.",
  },
  handshakes: {
    name: "torana_tls_handshakes_total",
    type: "counter",
    help: "TLS handshakes with clients, by how they ended: ok, or why they failed.",
  },
  certificateExpiry: {
    name: "torana_tls_certificate_expiry_timestamp_seconds",
    type: "gauge",
    help: "When a listener's certificate expires, in seconds since 1970.",
  },
  ocspExpiry: {
    name: "torana_tls_ocsp_expiry_timestamp_seconds",
    type: "gauge",
    help: "When the OCSP answer that is handed out with a certificate expires, in seconds since 1970.",
  },
  revocationsExpiry: {
    name: "torana_tls_crl_expiry_timestamp_seconds",
    type: "gauge",
    help: "When a listener's revocation list expires, in seconds since 1970; from then on every client certificate is refused.",
  },
  acmeOrders: {
    name: "torana_acme_orders_total",
    type: "counter",
    help: "Certificates that were ordered by ACME, by their first host and by outcome: obtained or failed.",
  },
  tcpConnections: {
    name: "torana_tcp_connections_total",
    type: "counter",
    help: "Connections of TCP listeners that are over, by service.",
  },
  tcpReceived: {
    name: "torana_tcp_received_bytes_total",
    type: "counter",
    help: "Bytes that clients of TCP listeners sent, counted when their connection is over.",
  },
  tcpSent: {
    name: "torana_tcp_sent_bytes_total",
    type: "counter",
    help: "Bytes that clients of TCP listeners were sent, counted when their connection is over.",
  },
  inFlight: {
    name: "torana_in_flight_requests",
    type: "gauge",
    help: "Requests that are not over.",
  },
  connections: {
    name: "torana_connections",
    type: "gauge",
    help: "Open connections from clients.",
  },
  upstreamConnections: {
    name: "torana_upstream_connections",
    type: "gauge",
    help: "Open connections to services.",
  },
  stores: {
    name: "torana_store_workers",
    type: "gauge",
    help: "Workers that can count in the store now; less than all of them: it is down for some.",
  },
  overflow: {
    name: "torana_series_overflow_total",
    type: "counter",
    help: "Series that found no place within metricSeries and count as other, by worker the first time.",
  },
  generation: {
    name: "torana_config_generation",
    type: "gauge",
    help: "Number of the config that serves, from 1.",
  },
  reloads: {
    name: "torana_reloads_total",
    type: "counter",
    help: "Reloads of the config by their result.",
  },
  lastReload: {
    name: "torana_config_last_reload_success_timestamp_seconds",
    type: "gauge",
    help: "When a config was last put in force, in seconds since 1970.",
  },
  workers: {
    name: "torana_workers",
    type: "gauge",
    help: "Workers that serve.",
  },
  heartbeat: {
    name: "torana_worker_heartbeat_age_seconds",
    type: "gauge",
    help: "Time since a worker's last sign of life.",
  },
  restarts: {
    name: "torana_worker_restarts_total",
    type: "counter",
    help: "Workers that were replaced.",
  },
  busy: {
    name: "torana_worker_busy_seconds_total",
    type: "counter",
    help: "Time that a worker's event loop was at work.",
  },
  workerCpu: {
    name: "torana_worker_cpu_seconds_total",
    type: "counter",
    help: "Processor time of a worker.",
  },
  userPolicies: {
    name: "torana_user_policy_versions",
    type: "gauge",
    help: "Versions of a user's policy file that are in memory, most of any worker.",
  },
  heapUsed: {
    name: "nodejs_heap_size_used_bytes",
    type: "gauge",
    help: "Heap of a thread that is in use.",
  },
  heapTotal: {
    name: "nodejs_heap_size_total_bytes",
    type: "gauge",
    help: "Heap of a thread.",
  },
  external: {
    name: "nodejs_external_memory_bytes",
    type: "gauge",
    help: "Memory that a thread's objects hold outside its heap.",
  },
  cpu: {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Processor time of the process, user and system.",
  },
  resident: {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of the process that is in RAM.",
  },
  openFds: {
    name: "process_open_fds",
    type: "gauge",
    help: "File descriptors that are open.",
  },
  maxFds: {
    name: "process_max_fds",
    type: "gauge",
    help: "File descriptors that may be open.",
  },
  startTime: {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process started, in seconds since 1970.",
  },
  consumers: {
    name: "torana_consumers",
    type: "gauge",
    help: "Consumers of the config that serves.",
  },
  credentials: {
    name: "torana_credentials",
    type: "gauge",
    help: "Credentials of consumers by kind.",
  },
  build: {
    name: "torana_build_info",
    type: "gauge",
    help: "1; its labels say which version of what runs.",
  },
} as const;

/** Every metric by a short name; the table in docs/observe.md is checked against it. */
export const METRICS: Readonly<Record<keyof typeof table, MetricSpec>> = table;
