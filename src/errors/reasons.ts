/** Where a failure began. */
export type ReasonSource = "downstream" | "gateway" | "upstream";

export interface ReasonSpec {
  /** Status of the answer. */
  readonly status: number;
  readonly source: ReasonSource;
  /** One sentence for the person who reads the answer; no secret, no address. */
  readonly title: string;
  /** Status of gRPC (0 to 16) that a failed call ends with, where it is not the one that `status` maps to. */
  readonly grpc?: number;
  /** Another try elsewhere may succeed and does no harm: the request never reached a service. */
  readonly retry?: boolean;
}

const table = {
  request_malformed: { status: 400, source: "downstream", title: "The request is not well-formed HTTP." },
  framing_ambiguous: {
    status: 400,
    source: "downstream",
    title: "Where the request's body ends could be read in two ways.",
  },
  host_invalid: { status: 400, source: "downstream", title: "The request does not name one valid host." },
  body_malformed: {
    status: 400,
    source: "downstream",
    title: "The request's body is not framed as HTTP demands.",
  },
  body_incomplete: {
    status: 400,
    source: "downstream",
    title: "The request ended before its body was complete.",
  },
  path_invalid: {
    status: 400,
    source: "downstream",
    title: "The request's path is not one that this gateway takes.",
  },
  proxy_header_invalid: {
    status: 400,
    source: "downstream",
    title: "The connection does not begin with a valid PROXY protocol header.",
  },
  tls_hello_malformed: {
    status: 400,
    source: "downstream",
    title: "The connection does not begin with a TLS ClientHello.",
  },
  tls_hello_timeout: {
    status: 408,
    source: "downstream",
    title: "The TLS ClientHello took too long to arrive.",
  },
  server_name_unknown: {
    status: 421,
    source: "downstream",
    title: "No service has the host that the client asked for.",
  },
  tcp_idle: {
    status: 408,
    source: "gateway",
    title: "Neither end of the connection sent anything for too long.",
  },
  misdirected_request: {
    status: 421,
    source: "downstream",
    title: "The host demands other client certificates than this connection was made with.",
  },
  target_too_long: { status: 414, source: "downstream", title: "The request's target is too long." },
  head_too_large: { status: 431, source: "downstream", title: "The request's head is too large." },
  fields_too_many: { status: 431, source: "downstream", title: "The request has too many fields." },
  expectation_unknown: {
    status: 417,
    source: "downstream",
    title: "The request expects what this gateway does not know.",
  },
  coding_unsupported: {
    status: 501,
    source: "downstream",
    title: "The request's transfer coding is not supported.",
  },
  connect_unsupported: { status: 501, source: "downstream", title: "CONNECT is not supported." },
  version_unsupported: { status: 505, source: "downstream", title: "This version of HTTP is not supported." },
  http2_malformed: {
    status: 400,
    source: "downstream",
    title: "The connection does not keep to the frames of HTTP/2.",
  },
  http2_flood: {
    status: 429,
    source: "downstream",
    title: "The connection asks for too much that leads to nothing.",
  },
  header_timeout: { status: 408, source: "downstream", title: "The request's head took too long to arrive." },
  body_too_slow: { status: 408, source: "downstream", title: "The request's body arrived too slowly." },
  body_too_large: {
    status: 413,
    source: "downstream",
    title: "The request's body is larger than this route takes.",
  },
  client_left: {
    status: 499,
    source: "downstream",
    title: "The client left before the answer was complete.",
  },
  websocket_origin: {
    status: 403,
    source: "downstream",
    title: "Pages of this origin may not open WebSockets here.",
  },
  message_malformed: {
    status: 400,
    source: "downstream",
    title: "What the client sent through the WebSocket does not keep to its protocol.",
  },
  message_too_large: {
    status: 413,
    source: "downstream",
    title: "A message of the client is larger than this route takes.",
  },
  message_kind: {
    status: 415,
    source: "downstream",
    title: "A message of the client is of a kind that this route does not take.",
  },
  message_rate: {
    status: 429,
    source: "downstream",
    title: "The client sent more messages than this route takes.",
  },
  message_invalid: {
    status: 422,
    source: "downstream",
    title: "A message of the client does not keep to the schema of this route.",
  },
  service_message_malformed: {
    status: 502,
    source: "upstream",
    title: "What the service sent through the WebSocket does not keep to its protocol.",
  },
  service_message_too_large: {
    status: 502,
    source: "upstream",
    title: "A message of the service is larger than this route lets through.",
  },
  service_message_kind: {
    status: 502,
    source: "upstream",
    title: "A message of the service is of a kind that this route does not let through.",
  },
  service_message_rate: {
    status: 502,
    source: "upstream",
    title: "The service sent more messages than this route lets through.",
  },
  service_message_invalid: {
    status: 502,
    source: "upstream",
    title: "A message of the service does not keep to the schema of this route.",
  },
  tunnel_idle: {
    status: 408,
    source: "gateway",
    title: "Nothing passed through the WebSocket for too long.",
  },
  tunnel_expired: { status: 408, source: "gateway", title: "The WebSocket reached its greatest age." },
  route_not_found: { status: 404, source: "gateway", title: "No route matches this request." },
  policy_failed: { status: 500, source: "gateway", title: "A policy of this route failed." },
  policy_timeout: { status: 504, source: "gateway", title: "A policy of this route took too long." },
  deadline_exceeded: { status: 504, source: "gateway", title: "The request's time is up." },
  fork_too_deep: {
    status: 508,
    source: "gateway",
    title: "Requests made by policies are nested too deeply.",
  },
  stopping: { status: 503, source: "gateway", title: "The gateway is stopping." },
  internal: { status: 500, source: "gateway", title: "The gateway failed." },
  no_endpoint: {
    status: 503,
    source: "upstream",
    title: "The service has no endpoint to send this request to.",
  },
  pool_full: {
    status: 503,
    source: "upstream",
    title: "Too many requests wait for a connection to the service.",
  },
  pool_timeout: {
    status: 503,
    source: "upstream",
    title: "No connection to the service became free in time.",
  },
  connect_failed: {
    status: 502,
    source: "upstream",
    title: "The service could not be reached.",
    retry: true,
  },
  connect_timeout: {
    status: 504,
    source: "upstream",
    title: "The service did not accept a connection in time.",
    // Nothing was asked of the service: its clients may ask again.
    grpc: 14,
    retry: true,
  },
  tls_verify_failed: {
    status: 502,
    source: "upstream",
    title: "The service's TLS certificate is not one that this gateway takes.",
    retry: true,
  },
  tls_handshake_failed: {
    status: 502,
    source: "upstream",
    title: "No TLS connection to the service could be made.",
    retry: true,
  },
  connection_reused_closed: {
    status: 502,
    source: "upstream",
    title: "The service closed the connection as it was reused.",
    retry: true,
  },
  stream_refused: {
    status: 502,
    source: "upstream",
    title: "The service refused the request before it looked at it.",
    retry: true,
  },
  response_timeout: { status: 504, source: "upstream", title: "The service did not answer in time." },
  response_cut: {
    status: 502,
    source: "upstream",
    title: "The service closed the connection before its answer.",
  },
  response_malformed: {
    status: 502,
    source: "upstream",
    title: "The service's answer is not well-formed HTTP.",
  },
  response_head_too_large: {
    status: 502,
    source: "upstream",
    title: "The head of the service's answer is too large.",
  },
  response_body_too_large: {
    status: 502,
    source: "upstream",
    title: "The service's answer is larger than a policy of this route takes.",
  },
  body_cut: { status: 502, source: "upstream", title: "The service's answer ended before it was complete." },
  // It is not the client's own deadline that has passed.
  body_idle: { status: 504, grpc: 14, source: "upstream", title: "The service stopped sending its answer." },
  upgrade_unsupported: {
    status: 502,
    source: "upstream",
    title: "The service takes no WebSocket over HTTP/2.",
  },
  upgrade_unasked: {
    status: 502,
    source: "upstream",
    title: "The service switched protocols without being asked.",
  },
} as const;

/** Codes of the gateway's own reasons. */
export type ReasonCode = keyof typeof table;

/** Why the gateway answered or failed by itself. Policies add theirs where they are declared. */
export const REASONS: Readonly<Record<ReasonCode, ReasonSpec>> = table;

/** What is known of a reason; a policy's own code is looked up in `extra`. */
export function reasonSpec(code: string, extra?: Readonly<Record<string, ReasonSpec>>): ReasonSpec {
  return extra?.[code] ?? (REASONS as Record<string, ReasonSpec>)[code] ?? REASONS.internal;
}

/** Whether a code is declared. */
export function isReason(code: string, extra: Readonly<Record<string, ReasonSpec>>): boolean {
  return Object.hasOwn(extra, code) || Object.hasOwn(table, code);
}
