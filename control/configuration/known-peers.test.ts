import { expect, test } from "vitest";
import { type Proxy, readProxy } from "../model/index.ts";
import { KnownPeers } from "./known-peers.ts";

function proxy(address: string, { name = "app", account = "default", identity = true, mode = "REDIRECT" } = {}): Proxy {
  const read = readProxy({
    id: `sidecar~${address}~${name}.default~default.svc.cluster.local`,
    metadata: { INTERCEPTION_MODE: mode, SERVICE_ACCOUNT: account, ...(identity ? { WORKLOAD_IDENTITY_SOCKET_FILE: "socket" } : {}) },
  });
  if (typeof read === "string") throw new Error(read);
  return read;
}

const everything = () => true;
const nothing = () => false;
const told = (peers: KnownPeers) => {
  const { come, gone } = peers.take();
  return [...come.map(({ id, identity }) => `+${nameOf(id)} ${identity}`), ...gone.map(({ id }) => `-${nameOf(id)}`)];
};
const nameOf = (id: string) => id.split("~")[2]?.split(".")[0];

test("what a proxy tells is told once, and again where it tells something else", () => {
  const peers = new KnownPeers();
  expect(peers.connect(proxy("10.0.0.1"))).toBe(true);
  expect(told(peers)).toEqual(["+app true"]);
  expect(peers.connect(proxy("10.0.0.1"))).toBe(false);
  expect(peers.connect(proxy("10.0.0.1", { identity: false }))).toBe(true);
  expect(told(peers)).toEqual(["+app false", "-app"]);
});

test("it counts on when the proxy is not heard of any more", () => {
  const peers = new KnownPeers();
  peers.connect(proxy("10.0.0.1"));
  peers.take();
  expect(peers.disconnect(proxy("10.0.0.1").id, everything)).toBe(false);
  expect(peers.prune(everything)).toBe(false);
  expect(peers.all()).toHaveLength(1);
});

test("it is forgotten when nothing has the address any more, unless the proxy is connected", () => {
  const peers = new KnownPeers();
  peers.connect(proxy("10.0.0.1"));
  expect(told(peers)).toEqual(["+app true"]);
  expect(peers.prune(nothing)).toBe(false);
  peers.disconnect(proxy("10.0.0.1").id, everything);
  expect(peers.prune(nothing)).toBe(true);
  expect(told(peers)).toEqual(["-app"]);
});

test("it is forgotten when another proxy comes with the address", () => {
  const peers = new KnownPeers();
  peers.connect(proxy("10.0.0.1"));
  peers.disconnect(proxy("10.0.0.1").id, everything);
  peers.take();
  peers.connect(proxy("10.0.0.1", { name: "next", identity: false }));
  expect(told(peers)).toEqual(["+next false", "-app"]);
});

test("several that are connected at one address stand beside each other", () => {
  const peers = new KnownPeers();
  peers.connect(proxy("127.0.0.1", { name: "a" }));
  peers.connect(proxy("127.0.0.1", { name: "b" }));
  expect(told(peers)).toEqual(["+a true", "+b true"]);
});

test("proxies to which nothing is redirected share an address, and one takes the place of another of its account alone", () => {
  const peers = new KnownPeers();
  const at = (name: string, account: string) => proxy("127.0.0.1", { name, account, mode: "NONE" });
  peers.connect(at("a-1", "a"));
  peers.connect(at("b-1", "b"));
  for (const [name, account] of [
    ["a-1", "a"],
    ["b-1", "b"],
  ] as const)
    peers.disconnect(at(name, account).id, everything);
  peers.take();
  peers.connect(at("b-2", "b"));
  expect(told(peers)).toEqual(["+b-2 true", "-b-1"]);
  peers.connect(proxy("127.0.0.1", { name: "all" }));
  expect(told(peers)).toEqual(["+all true"]);
  peers.connect(proxy("127.0.0.1", { name: "a-2", account: "a" }));
  expect(told(peers)).toEqual(["+a-2 true", "-a-1"]);
});

test("a proxy of another account does not have it forgotten that one has a certificate", () => {
  const peers = new KnownPeers();
  for (const [name, identity] of [
    ["with", true],
    ["without", false],
  ] as const) {
    peers.connect(proxy("10.0.0.1", { name, account: name, identity }));
    peers.disconnect(proxy("10.0.0.1", { name }).id, everything);
  }
  peers.take();
  peers.connect(proxy("10.0.0.1", { name: "other", account: "other", identity: false }));
  expect(told(peers)).toEqual(["+other false", "-without"]);
});

test("one that drains does so whatever it tells of itself, until it is said to do so no more", () => {
  const peers = new KnownPeers();
  peers.connect(proxy("10.0.0.1"));
  peers.take();
  const { id } = proxy("10.0.0.1");
  expect([peers.drain(id, true), peers.isDraining(id)]).toEqual([true, true]);
  expect(told(peers)).toEqual(["+app true", "-app"]);
  expect(peers.drain(id, true)).toBe(false);
  peers.connect(proxy("10.0.0.1", { identity: false }));
  expect([told(peers), peers.isDraining(id)]).toEqual([["+app false", "-app"], true]);
  expect([peers.drain(id, false), peers.isDraining(id)]).toEqual([true, false]);
});

test("nobody drains of whom nothing is known", () => {
  expect(new KnownPeers().drain("stranger", true)).toBe(false);
});
