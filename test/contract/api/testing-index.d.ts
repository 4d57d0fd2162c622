export { describePolicy, type PolicyCase, type PolicyCases } from "./describe-policy.ts";
export { type MemoryExchange, type MemoryGateway, type MemoryGatewayOptions, memoryGateway, type PolicyRun, runPolicy, } from "./memory-gateway.ts";
export { pieces, type SentRequest, type ServiceFunction, type TestRequest, testClock } from "./messages.ts";
export { runOnWire } from "./wire.ts";
