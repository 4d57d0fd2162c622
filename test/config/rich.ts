/** A config with nearly everything in it, one key a line, so that each can be broken by itself. */
export const RICH = `admin: 127.0.0.1:9901
workers: 2
listeners:
  - name: public
    address: 127.0.0.1:8080
    proxyProtocol: true
    trusted:
      - 10.0.0.0/8
    limits:
      head: 4096
      idleTimeout: 30s
  - name: inner
    address: "[::1]:8081"
limits:
  fields: 50
  target: 1024
  headerTimeout: 5s
  bodyRate: 100
  connections: 1000
  connectionsPerAddress: 100
paths:
  slashes: merge
  encodedSlash: refuse
policyTimeout: 5s
stopTimeout: 20s
metricSeries: 1000
policies:
  - request-id:
      format: uuid
consumers:
  - name: billing
    groups:
      - staff
    permissions:
      - methods:
          - GET
        paths:
          - /orders/*
    keys:
      - id: one
        hash: sha256:YcnAkzscVMCm8fkE45_wCqQ-p60Zj7p6JrKp1QzQeI4
        notBefore: "2026-01-01"
        expires: "2027-01-31T12:00:00Z"
    hmac:
      - id: shared
        secret: sixteen characters
    subjects:
      - issuer: https://idp.example
        subject: "42"
    certificates:
      - san: DNS:orders.example
services:
  orders:
    endpoints:
      - http://127.0.0.1:9001
    timeouts:
      connect: 1s
      response: 10s
      idle: 60s
    connections:
      max: 10
      waiting: 20
      waitTimeout: 1s
      keepAlive: 30s
    resend: idempotent
  next:
    endpoints:
      - http://127.0.0.1:9002
routes:
  - name: order
    match:
      host: api.example
      path: /orders/{id}
      method:
        - GET
      headers:
        x-tenant:
          regex: "[a-z]+"
      query:
        v: "2"
      cookies:
        beta:
          present: true
      from:
        - 10.0.0.0/8
      when: request.method == "GET"
    listeners:
      - public
    priority: 3
    split:
      - service: orders
        weight: 95
      - service: next
        weight: 5
    rewrite:
      path: /v2/{id}
      host: endpoint
    timeout: 5s
    tunnels:
      drain: 30s
    websocket:
      origins:
        - https://shop.example
        - regex: https://pr-[0-9]+\\.example
      idleTimeout: 60s
      maxLifetime: 24h
      grace: 10s
      fromClient:
        maxMessage: 64KiB
        maxFrame: 16KiB
        messagesPerSecond: 20
        burst: 40
        onExcess: delay
        kinds: [text]
        utf8: true
        schema:
          type: object
          minProperties: 1
        onInvalid: drop
      fromService:
        maxMessage: 1MiB
    buffer:
      request: 10MB
      response: 4096
    policies:
      - headers:
          request:
            set:
              x-from: torana
  - name: shop
    match:
      path: /shop/*
    routes:
      - name: list
        match:
          path: /list/*
          host: shop.example
        service: orders
        rewrite:
          prefix: /
      - name: hello
        match:
          path: /hello
        policies:
          - respond:
              status: 200
              body: hello
`;
