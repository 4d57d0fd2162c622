import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { descriptorOf } from "./message-descriptors.ts";

/** What an authorization service is told of a request (envoy.service.auth.v3.AttributeContext). */
export interface CheckAttributes {
  readonly source: CheckPeer;
  readonly destination: CheckPeer;
  readonly request: {
    readonly time: { readonly seconds: bigint; readonly nanos: number };
    readonly http: CheckHttpRequest;
  };
  readonly contextExtensions: Readonly<Record<string, string>>;
  readonly metadataContext: { readonly filterMetadata: Readonly<Record<string, JsonObject>> };
  readonly tlsSession?: { readonly sni: string };
}

/** One side of a connection. */
export interface CheckPeer {
  readonly address?: { readonly socketAddress: { readonly address: string; readonly portValue: number } };
  readonly service?: string;
  readonly principal?: string;
}

/** The request itself; of fields that stand several times the values are joined. */
export interface CheckHttpRequest {
  readonly id: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly scheme: string;
  /** Bytes of the body; -1 where that is not known. */
  readonly size: bigint;
  readonly protocol: string;
  readonly body?: string;
  readonly rawBody?: Uint8Array;
}

/** A field that an answer sets or adds. */
export interface CheckHeader {
  readonly header?: { readonly key: string; readonly value: string; readonly rawValue: Uint8Array };
  /** Undefined where the answer does not say. */
  readonly append?: boolean;
  /** 0 append or add, 1 add if absent, 2 overwrite or add, 3 overwrite if there. */
  readonly appendAction: number;
}

/** What it says (envoy.service.auth.v3.CheckResponse). */
export interface CheckAnswer {
  readonly status?: { readonly code: number; readonly message: string };
  readonly deniedResponse?: {
    readonly status?: { readonly code: number };
    readonly headers: readonly CheckHeader[];
    readonly body: string;
  };
  readonly okResponse?: {
    readonly headers: readonly CheckHeader[];
    readonly headersToRemove: readonly string[];
    readonly responseHeadersToAdd: readonly CheckHeader[];
    readonly queryParametersToSet: readonly { readonly key: string; readonly value: string }[];
    readonly queryParametersToRemove: readonly string[];
  };
}

/** The messages of Envoy's contract that are used here; numbers and types are what counts on the wire. */
const MESSAGES = {
  CheckRequest: { attributes: [1, "AttributeContext"] },
  AttributeContext: {
    source: [1, "Peer"],
    destination: [2, "Peer"],
    request: [4, "Request"],
    context_extensions: [10, "map string"],
    metadata_context: [11, "Metadata"],
    tls_session: [12, "TlsSession"],
  },
  Peer: { address: [1, "Address"], service: [2, "string"], principal: [4, "string"] },
  Address: { socket_address: [1, "SocketAddress"] },
  SocketAddress: { address: [2, "string"], port_value: [3, "uint32"] },
  Request: { time: [1, "google.protobuf.Timestamp"], http: [2, "HttpRequest"] },
  HttpRequest: {
    id: [1, "string"],
    method: [2, "string"],
    headers: [3, "map string"],
    path: [4, "string"],
    host: [5, "string"],
    scheme: [6, "string"],
    size: [9, "int64"],
    protocol: [10, "string"],
    body: [11, "string"],
    raw_body: [12, "bytes"],
  },
  Metadata: { filter_metadata: [1, "map google.protobuf.Struct"] },
  TlsSession: { sni: [1, "string"] },
  CheckResponse: {
    status: [1, "Status"],
    denied_response: [2, "DeniedHttpResponse"],
    ok_response: [3, "OkHttpResponse"],
  },
  Status: { code: [1, "int32"], message: [2, "string"] },
  HttpStatus: { code: [1, "int32"] },
  DeniedHttpResponse: {
    status: [1, "HttpStatus"],
    headers: [2, "repeated HeaderValueOption"],
    body: [3, "string"],
  },
  OkHttpResponse: {
    headers: [2, "repeated HeaderValueOption"],
    headers_to_remove: [5, "repeated string"],
    response_headers_to_add: [6, "repeated HeaderValueOption"],
    query_parameters_to_set: [7, "repeated QueryParameter"],
    query_parameters_to_remove: [8, "repeated string"],
  },
  HeaderValueOption: {
    header: [1, "HeaderValue"],
    append: [2, "google.protobuf.BoolValue"],
    append_action: [3, "int32"],
  },
  HeaderValue: { key: [1, "string"], value: [2, "string"], raw_value: [3, "bytes"] },
  QueryParameter: { key: [1, "string"], value: [2, "string"] },
} as const;

const PACKAGE = "torana.check";

const known = [file_google_protobuf_struct, file_google_protobuf_timestamp, file_google_protobuf_wrappers];

const registry = createFileRegistry(
  fromJson(
    FileDescriptorProtoSchema,
    descriptorOf(
      PACKAGE,
      MESSAGES,
      known.map((file) => `${file.name}.proto`),
    ),
  ),
  (name) => known.find((file) => `${file.name}.proto` === name),
);

const request: DescMessage = registry.getMessage(`${PACKAGE}.CheckRequest`)!;
const response: DescMessage = registry.getMessage(`${PACKAGE}.CheckResponse`)!;

/** A question as the bytes of a CheckRequest. */
export function encodeCheck(attributes: CheckAttributes): Uint8Array {
  return toBinary(request, create(request, { attributes } as MessageInitShape<DescMessage>));
}

/** Reads a CheckResponse; what is not used here is passed over. Throws an Error for bytes that are none. */
export function decodeCheck(bytes: Uint8Array): CheckAnswer {
  return fromBinary(response, bytes) satisfies Message as unknown as CheckAnswer;
}
