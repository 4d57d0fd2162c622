import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import type { PoolClient } from "./client-contract.ts";
import { WaitingClients } from "./waiting-clients.ts";

interface Named extends PoolClient {
  readonly name: string;
}

interface Queue {
  readonly clients: WaitingClients;
  /** Who was refused, in which order, and why. */
  readonly refused: string[];
  add(...names: readonly string[]): Named[];
}

function queue(timeout: number): Queue {
  const clients = new WaitingClients(timeout);
  const refused: string[] = [];
  const add = (...names: readonly string[]): Named[] =>
    names.map((name) => {
      const client: Named = {
        name,
        connected: () => undefined,
        refused: ({ code }) => refused.push(`${name} ${code}`),
      };
      clients.add(client);
      return client;
    });
  return { clients, refused, add };
}

const nameOf = (client: PoolClient | undefined): string | undefined => (client as Named | undefined)?.name;

test("those who wait have their turn in the order in which they came", () => {
  const { clients, add } = queue(1_000);
  assert.equal(clients.next(), undefined);
  add("a", "b");
  assert.equal(nameOf(clients.next()), "a");
  add("c");
  assert.deepEqual([nameOf(clients.next()), nameOf(clients.next()), clients.next()], ["b", "c", undefined]);
  assert.equal(clients.size, 0);
});

test("who does not wait any more loses the place, and nobody else does", () => {
  const { clients, refused, add } = queue(1_000);
  const [, b] = add("a", "b", "c");
  clients.forget(b!);
  clients.forget(b!);
  assert.equal(clients.size, 2);
  assert.deepEqual([nameOf(clients.next()), nameOf(clients.next())], ["a", "c"]);
  assert.deepEqual(refused, []);
});

test("at most so many are refused, and those that waited longest", () => {
  const { clients, refused, add } = queue(1_000);
  add("a", "b", "c");
  clients.refuse(2, new Failure("connect_failed"));
  assert.deepEqual(refused, ["a connect_failed", "b connect_failed"]);
  clients.refuse(2, new Failure("connect_failed"));
  assert.deepEqual([refused.length, clients.size], [3, 0]);
});

test("who waits too long is refused; the time runs from the first look", () => {
  const { clients, refused, add } = queue(1_000);
  add("a");
  clients.sweep(5_000);
  add("b");
  clients.sweep(5_500);
  clients.sweep(5_999);
  assert.deepEqual(refused, []);
  clients.sweep(6_000);
  assert.deepEqual(refused, ["a pool_timeout"]);
  clients.sweep(6_499);
  assert.equal(clients.size, 1);
  clients.sweep(6_500);
  assert.deepEqual([refused[1], clients.size], ["b pool_timeout", 0]);
});

test("who comes back as it is refused waits anew", () => {
  const { clients, refused, add } = queue(1_000);
  let tries = 0;
  const stubborn: PoolClient = {
    connected: () => undefined,
    refused: () => {
      tries++;
      clients.add(stubborn);
    },
  };
  clients.add(stubborn);
  add("a");
  clients.sweep(1);
  clients.sweep(1_001);
  assert.deepEqual([tries, refused, clients.size], [1, ["a pool_timeout"], 1]);
  clients.sweep(1_500);
  assert.equal(tries, 1);
  clients.sweep(2_500);
  assert.equal(tries, 2);
  clients.forget(stubborn);
});
