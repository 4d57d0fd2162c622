const TRAILER = "RFC 9110 §6.5.1: framing, routing and connection fields must not stand in trailers";
const EXTENSION = "RFC 9112 §7.1.1: the strict parser that judges this does not look into extensions";

/** Why we refuse what may be well-formed by RFC 9112's letter; a refusal that is not here is too strict. */
export const WHY_REFUSED: ReadonlyMap<string, string> = new Map([
  ["expectation_unknown: ", "RFC 9110 §10.1.1: 417 for an expectation that is not 100-continue"],
  ["fields_too_many: ", "more than 100 fields: our default limit"],
  ["response_head_too_large: ", "more than 100 fields: our default limit"],
  ["body_malformed: a trailer would change the message's framing", TRAILER],
  ["response_malformed: a trailer would change the message's framing", TRAILER],
  ["body_malformed: a chunk's size or extension is malformed", EXTENSION],
  ["response_malformed: a chunk's size or extension is malformed", EXTENSION],
  [
    "request_malformed: a percent sign begins no octet",
    "RFC 3986 §2.1: services would decode it differently",
  ],
  ["connect_unsupported: ", "RFC 9110 §9.3.6: a gateway opens no tunnels"],
  ["upgrade_unasked: ", "RFC 9110 §15.2.2: a 101 that nobody asked for"],
  [
    "host_invalid: Host is not a host",
    "RFC 3986 §3.2.2: the strict parser takes any hexadecimal in brackets",
  ],
]);
