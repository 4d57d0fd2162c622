/** "torana/testing": what a policy's own tests are written with. */
export { describePolicy, type PolicyCase, type PolicyCases, type StepCase } from "./describe-policy.ts";
export {
  type MemoryExchange,
  type MemoryGateway,
  type MemoryGatewayOptions,
  memoryGateway,
  type PolicyRun,
  runPolicy,
  type StepRun,
  type TestClock,
  testClock,
} from "./memory-gateway.ts";
export { pieces, type SentRequest, type ServiceFunction, type TestRequest } from "./messages.ts";
export { runOnWire } from "./wire.ts";
