export type ReasonCode = keyof typeof table;
export type ReasonSource = "downstream" | "gateway" | "upstream";
export interface ReasonSpec {
    readonly status: number;
    readonly source: ReasonSource;
    readonly title: string;
    readonly grpc?: number;
    readonly retry?: boolean;
}
declare const table: {
    readonly request_malformed: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The request is not well-formed HTTP.";
    };
    readonly framing_ambiguous: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "Where the request's body ends could be read in two ways.";
    };
    readonly host_invalid: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The request does not name one valid host.";
    };
    readonly body_malformed: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The request's body is not framed as HTTP demands.";
    };
    readonly body_incomplete: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The request ended before its body was complete.";
    };
    readonly path_invalid: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The request's path is not one that this gateway takes.";
    };
    readonly proxy_header_invalid: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The connection does not begin with a valid PROXY protocol header.";
    };
    readonly tls_hello_malformed: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The connection does not begin with a TLS ClientHello.";
    };
    readonly tls_hello_timeout: {
        readonly status: 408;
        readonly source: "downstream";
        readonly title: "The TLS ClientHello took too long to arrive.";
    };
    readonly server_name_unknown: {
        readonly status: 421;
        readonly source: "downstream";
        readonly title: "No service has the host that the client asked for.";
    };
    readonly tcp_idle: {
        readonly status: 408;
        readonly source: "gateway";
        readonly title: "Neither end of the connection sent anything for too long.";
    };
    readonly misdirected_request: {
        readonly status: 421;
        readonly source: "downstream";
        readonly title: "The host demands other client certificates than this connection was made with.";
    };
    readonly target_too_long: {
        readonly status: 414;
        readonly source: "downstream";
        readonly title: "The request's target is too long.";
    };
    readonly head_too_large: {
        readonly status: 431;
        readonly source: "downstream";
        readonly title: "The request's head is too large.";
    };
    readonly fields_too_many: {
        readonly status: 431;
        readonly source: "downstream";
        readonly title: "The request has too many fields.";
    };
    readonly expectation_unknown: {
        readonly status: 417;
        readonly source: "downstream";
        readonly title: "The request expects what this gateway does not know.";
    };
    readonly coding_unsupported: {
        readonly status: 501;
        readonly source: "downstream";
        readonly title: "The request's transfer coding is not supported.";
    };
    readonly connect_unsupported: {
        readonly status: 501;
        readonly source: "downstream";
        readonly title: "CONNECT is not supported.";
    };
    readonly version_unsupported: {
        readonly status: 505;
        readonly source: "downstream";
        readonly title: "This version of HTTP is not supported.";
    };
    readonly http2_malformed: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "The connection does not keep to the frames of HTTP/2.";
    };
    readonly http2_flood: {
        readonly status: 429;
        readonly source: "downstream";
        readonly title: "The connection asks for too much that leads to nothing.";
    };
    readonly header_timeout: {
        readonly status: 408;
        readonly source: "downstream";
        readonly title: "The request's head took too long to arrive.";
    };
    readonly body_too_slow: {
        readonly status: 408;
        readonly source: "downstream";
        readonly title: "The request's body arrived too slowly.";
    };
    readonly body_too_large: {
        readonly status: 413;
        readonly source: "downstream";
        readonly title: "The request's body is larger than this route takes.";
    };
    readonly client_left: {
        readonly status: 499;
        readonly source: "downstream";
        readonly title: "The client left before the answer was complete.";
    };
    readonly websocket_origin: {
        readonly status: 403;
        readonly source: "downstream";
        readonly title: "Pages of this origin may not open WebSockets here.";
    };
    readonly message_malformed: {
        readonly status: 400;
        readonly source: "downstream";
        readonly title: "What the client sent through the WebSocket does not keep to its protocol.";
    };
    readonly message_too_large: {
        readonly status: 413;
        readonly source: "downstream";
        readonly title: "A message of the client is larger than this route takes.";
    };
    readonly message_kind: {
        readonly status: 415;
        readonly source: "downstream";
        readonly title: "A message of the client is of a kind that this route does not take.";
    };
    readonly message_rate: {
        readonly status: 429;
        readonly source: "downstream";
        readonly title: "The client sent more messages than this route takes.";
    };
    readonly message_invalid: {
        readonly status: 422;
        readonly source: "downstream";
        readonly title: "A message of the client does not keep to the schema of this route.";
    };
    readonly service_message_malformed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "What the service sent through the WebSocket does not keep to its protocol.";
    };
    readonly service_message_too_large: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "A message of the service is larger than this route lets through.";
    };
    readonly service_message_kind: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "A message of the service is of a kind that this route does not let through.";
    };
    readonly service_message_rate: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service sent more messages than this route lets through.";
    };
    readonly service_message_invalid: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "A message of the service does not keep to the schema of this route.";
    };
    readonly tunnel_idle: {
        readonly status: 408;
        readonly source: "gateway";
        readonly title: "Nothing passed through the WebSocket for too long.";
    };
    readonly tunnel_expired: {
        readonly status: 408;
        readonly source: "gateway";
        readonly title: "The WebSocket reached its greatest age.";
    };
    readonly route_not_found: {
        readonly status: 404;
        readonly source: "gateway";
        readonly title: "No route matches this request.";
    };
    readonly policy_failed: {
        readonly status: 500;
        readonly source: "gateway";
        readonly title: "A policy of this route failed.";
    };
    readonly policy_timeout: {
        readonly status: 504;
        readonly source: "gateway";
        readonly title: "A policy of this route took too long.";
    };
    readonly deadline_exceeded: {
        readonly status: 504;
        readonly source: "gateway";
        readonly title: "The request's time is up.";
    };
    readonly fork_too_deep: {
        readonly status: 508;
        readonly source: "gateway";
        readonly title: "Requests made by policies are nested too deeply.";
    };
    readonly stopping: {
        readonly status: 503;
        readonly source: "gateway";
        readonly title: "The gateway is stopping.";
    };
    readonly internal: {
        readonly status: 500;
        readonly source: "gateway";
        readonly title: "The gateway failed.";
    };
    readonly no_endpoint: {
        readonly status: 503;
        readonly source: "upstream";
        readonly title: "The service has no endpoint to send this request to.";
    };
    readonly pool_full: {
        readonly status: 503;
        readonly source: "upstream";
        readonly title: "Too many requests wait for a connection to the service.";
    };
    readonly pool_timeout: {
        readonly status: 503;
        readonly source: "upstream";
        readonly title: "No connection to the service became free in time.";
    };
    readonly connect_failed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service could not be reached.";
        readonly retry: true;
    };
    readonly connect_timeout: {
        readonly status: 504;
        readonly source: "upstream";
        readonly title: "The service did not accept a connection in time.";
        readonly grpc: 14;
        readonly retry: true;
    };
    readonly tls_verify_failed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service's TLS certificate is not one that this gateway takes.";
        readonly retry: true;
    };
    readonly tls_handshake_failed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "No TLS connection to the service could be made.";
        readonly retry: true;
    };
    readonly connection_reused_closed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service closed the connection as it was reused.";
        readonly retry: true;
    };
    readonly stream_refused: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service refused the request before it looked at it.";
        readonly retry: true;
    };
    readonly response_timeout: {
        readonly status: 504;
        readonly source: "upstream";
        readonly title: "The service did not answer in time.";
    };
    readonly response_cut: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service closed the connection before its answer.";
    };
    readonly response_malformed: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service's answer is not well-formed HTTP.";
    };
    readonly response_head_too_large: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The head of the service's answer is too large.";
    };
    readonly response_body_too_large: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service's answer is larger than a policy of this route takes.";
    };
    readonly body_cut: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service's answer ended before it was complete.";
    };
    readonly body_idle: {
        readonly status: 504;
        readonly grpc: 14;
        readonly source: "upstream";
        readonly title: "The service stopped sending its answer.";
    };
    readonly upgrade_unsupported: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service takes no WebSocket over HTTP/2.";
    };
    readonly upgrade_unasked: {
        readonly status: 502;
        readonly source: "upstream";
        readonly title: "The service switched protocols without being asked.";
    };
};
