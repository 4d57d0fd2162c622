/** Types of frames (RFC 9113 §6). */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  resetStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Flags of frames; what one means depends on the type. */
export const Flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Why a stream or a connection ends (RFC 9113 §7). */
export const ErrorCode = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

/** Parameters of SETTINGS (RFC 9113 §6.5.2; RFC 8441 §3). */
export const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const;

/** Octets of a frame's head (RFC 9113 §4.1). */
export const FRAME_HEAD = 9;

/** Largest payload that we take, and that every peer takes: the initial SETTINGS_MAX_FRAME_SIZE. */
export const FRAME_MAX = 16_384;

/** Windows before any SETTINGS, and the most that one may reach (RFC 9113 §6.9). */
export const WINDOW_INITIAL = 65_535;
export const WINDOW_MAX = 0x7fff_ffff;

/** The largest identifier of a stream; in a GOAWAY it says that no stream is given up yet (RFC 9113 §6.8). */
export const STREAM_MAX = 0x7fff_ffff;

/** What a client sends before its first frame (RFC 9113 §3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
