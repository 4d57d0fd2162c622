import { ErrorCode, Setting, WINDOW_INITIAL, WINDOW_MAX } from "./protocol.ts";

/** What the peer's SETTINGS say; the initial values before the first (RFC 9113 §6.5.2). */
export class PeerSettings {
  readonly #pushMax: number;
  /** Bytes of its HPACK table. */
  headerTable = 4_096;
  /** Streams that we may have open. */
  maxStreams: number = Number.POSITIVE_INFINITY;
  /** Octets that each stream may send before a WINDOW_UPDATE. */
  window: number = WINDOW_INITIAL;
  /** Largest payload of a frame. */
  frameMax = 16_384;
  /** Octets of a field section that it is ready to take. */
  headMax: number = Number.POSITIVE_INFINITY;
  /** It takes CONNECT with :protocol (RFC 8441). */
  connectProtocol = false;

  /** @param pushMax what SETTINGS_ENABLE_PUSH may be: 1 from a client, 0 from a service */
  constructor(pushMax: 0 | 1) {
    this.#pushMax = pushMax;
  }

  /** Takes one parameter; 0, or the error code of a connection that sends such a one. Unknown ones are let pass. */
  take(id: number, value: number): number {
    switch (id) {
      case Setting.headerTableSize:
        this.headerTable = value;
        return 0;
      case Setting.enablePush:
        return value > this.#pushMax ? ErrorCode.protocol : 0;
      case Setting.maxConcurrentStreams:
        this.maxStreams = value;
        return 0;
      case Setting.initialWindowSize:
        this.window = value;
        return value > WINDOW_MAX ? ErrorCode.flowControl : 0;
      case Setting.maxFrameSize:
        this.frameMax = value;
        return value < 16_384 || value > 16_777_215 ? ErrorCode.protocol : 0;
      case Setting.maxHeaderListSize:
        this.headMax = value;
        return 0;
      case Setting.enableConnectProtocol:
        if (value > 1 || (value === 0 && this.connectProtocol)) return ErrorCode.protocol;
        this.connectProtocol = value === 1;
        return 0;
      default:
        return 0;
    }
  }
}
