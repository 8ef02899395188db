import { expect, test } from "vitest";
import { readAddress } from "./address.ts";

test.each([
  ["127.0.0.1:15010", { host: "127.0.0.1", port: 15_010 }],
  ["[::1]:15010", { host: "::1", port: 15_010 }],
  ["control.example:15012", { host: "control.example", port: 15_012 }],
  ["unix:/run/control.sock", { path: "/run/control.sock" }],
])("%s is an address", (text, address) => {
  expect(readAddress(text)).toEqual(address);
});

test.each(["", "15010", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:15010", "[x]:1", "a b:1", "unix:", "http://a:1"])(
  "%s is none, and the text says so",
  (text) => {
    expect(readAddress(text)).toContain(text);
  },
);
