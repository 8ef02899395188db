import { arena, Bytes, Text } from "../bytes";
import { Config, ConfigValue } from ".";

// Flat functions for config.test.ts.

/** What the last call had to report, and the text that it read: kept here while the test reads them. */
let problem: ArrayBuffer | null = null;
let read: Text = Text.of("");

function open(pointer: usize, length: i32): Config {
  arena.reset();
  return new Config(Bytes.view(pointer, length));
}

/** Ends a reading: notes its problems. */
function close(config: Config): void {
  const told = config.problem;
  problem = told != null ? String.UTF8.encode(told) : null;
}

/** The problems of the last call as one number for `ByteCalls.text`: pointer above, length below, all ones for none. */
export function problems(): u64 {
  const told = problem;
  return told == null ? u64.MAX_VALUE : ((<u64>changetype<usize>(told)) << 32) | (<u64>told.byteLength);
}

/** A configuration of every type that there is. */
export function document(pointer: usize, length: i32): void {
  const config = open(pointer, length);
  const root = config.root;
  if (root != null) readDocument(root);
  close(config);
}

function readDocument(root: ConfigValue): void {
  root.object(["name", "metadata", "percentage", "timeout", "retries", "enabled", "headers", "rules", "uri", "host"]);
  const name = root.required("name");
  if (name != null) name.nonEmptyText();
  root.atMostOne(["uri", "host"]);
  const percentage = root.get("percentage");
  if (percentage != null) percentage.percentage();
  const timeout = root.get("timeout");
  if (timeout != null) timeout.duration();
  const retries = root.get("retries");
  if (retries != null) retries.integer(0, 10);
  const enabled = root.get("enabled");
  if (enabled != null) enabled.bool();
  const headers = root.get("headers");
  if (headers != null) readHeaders(headers);
  const rules = root.get("rules");
  if (rules != null) readRules(rules);
}

function readHeaders(headers: ConfigValue): void {
  const entries = headers.entries();
  for (let i = 0; i < entries.length; i++) {
    entries[i].headerKey();
    entries[i].headerValue();
  }
}

function readRules(rules: ConfigValue): void {
  const items = rules.items();
  for (let i = 0; i < items.length; i++) {
    const header = items[i].object(["header", "retries"]).get("header");
    if (header != null) header.headerName();
    const retries = items[i].get("retries");
    if (retries != null) retries.integer(0, 10);
  }
}

// The others read the whole document as one value.

export function integer(pointer: usize, length: i32, least: i64, most: i64): i64 {
  const config = open(pointer, length);
  const root = config.root;
  const value: i64 = root != null ? root.integer(least, most) : -1;
  close(config);
  return value;
}

export function percentage(pointer: usize, length: i32): i32 {
  const config = open(pointer, length);
  const root = config.root;
  const value = root != null ? <i32>root.percentage() : -1;
  close(config);
  return value;
}

export function wholeMilliseconds(pointer: usize, length: i32): i64 {
  const config = open(pointer, length);
  const root = config.root;
  const value: i64 = root != null ? root.wholeMilliseconds() : -1;
  close(config);
  return value;
}

export function duration(pointer: usize, length: i32): i64 {
  const config = open(pointer, length);
  const root = config.root;
  const value: i64 = root != null ? root.duration() : -1;
  close(config);
  return value;
}

export function headerName(pointer: usize, length: i32): u64 {
  const config = open(pointer, length);
  const root = config.root;
  read = root != null ? root.headerName() : Text.of("");
  close(config);
  return pack();
}

export function headerValue(pointer: usize, length: i32): u64 {
  const config = open(pointer, length);
  const root = config.root;
  read = root != null ? root.headerValue() : Text.of("");
  close(config);
  return pack();
}

function pack(): u64 {
  return ((<u64>read.bytes.pointer) << 32) | (<u64>read.bytes.length);
}
