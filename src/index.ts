/** The public API: everything that a user's own code may import from "torana". */

export { z } from "zod";
export type { CertificateSource, SourcedCertificate, SourceRequest } from "./config/certificate-source.ts";
export { defineCertificateSource } from "./config/certificate-source.ts";
export type {
  ConditionInput,
  ConfigInput,
  ConsumerInput,
  LifeInput,
  LimitsInput,
  ListenerInput,
  MatchInput,
  MessagesInput,
  OneOrMany,
  PolicyInput,
  RewriteInput,
  RouteInput,
  ServiceInput,
  SplitInput,
  StoreInput,
  TimeInput,
  WebSocketInput,
} from "./config/define.ts";
export { defineConfig } from "./config/define.ts";
export type {
  AcmeInput,
  CertificateInput,
  ClientsInput,
  HstsInput,
  ServiceTlsInput,
  TlsInput,
} from "./config/define-tls.ts";
export { Failure } from "./errors/failure.ts";
export type { ReasonCode, ReasonSource, ReasonSpec } from "./errors/reasons.ts";
export type { Body, BodyFailure, BodySink, BodySource, Chunk } from "./lib/body.ts";
export { HeldBody } from "./lib/body.ts";
export type { Clock } from "./lib/clock.ts";
export type { ReadonlyFields } from "./lib/fields.ts";
export { Fields } from "./lib/fields.ts";
export type { Outgoing } from "./lib/outgoing.ts";
export { Reply } from "./lib/reply.ts";
export type { ClientCertificate, Peer, PeerTls, ReceivedRequest } from "./lib/request.ts";
export type {
  Authentication,
  Authenticator,
  AuthenticatorDefinition,
  Identity,
} from "./pipeline/authenticator.ts";
export { Denied, defineAuthenticator } from "./pipeline/authenticator.ts";
export type { Caller, CallReply, CallRequest } from "./pipeline/calls.ts";
export { CallFailed } from "./pipeline/calls.ts";
export type { Consumer, Consumers, Credential, CredentialKind, Permission } from "./pipeline/consumer.ts";
export type { Exchange, Outcome } from "./pipeline/exchange.ts";
export type { ForkOptions, ForkRequest } from "./pipeline/fork.ts";
export type { Gauge, LimitDecision, Limiter, LimitRule, LimitState } from "./pipeline/limits.ts";
export { StoreDown } from "./pipeline/limits.ts";
export type { MemoryReply } from "./pipeline/memory-downstream.ts";
export type { Phase } from "./pipeline/phases.ts";
export type {
  AttemptStep,
  AttemptView,
  BodyNeed,
  BodyNeeds,
  BodyStep,
  BodyTransform,
  Kept,
  PolicyDefinition,
  PolicyEnv,
  PolicySteps,
  RecoverStep,
  ResponseStep,
  Slot,
  Step,
  Verdict,
} from "./pipeline/policy.ts";
export { definePolicy } from "./pipeline/policy.ts";
export type { Lines } from "./pipeline/ports.ts";
