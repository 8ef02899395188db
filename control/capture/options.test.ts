import { describe, expect, test } from "vitest";
import { type CaptureLists, readCaptureOptions } from "./options.ts";

const ANNOTATION = "traffic.sidecar.istio.io/";

describe("what is captured", () => {
  test("is everything, but what the sidecar serves by itself", () => {
    expect(readCaptureOptions({ lists: {}, annotations: {} })).toEqual({
      proxyUser: 1337,
      proxyGroup: 1337,
      outboundPort: 15_001,
      inboundPort: 15_006,
      includeOutboundIpRanges: "*",
      excludeOutboundIpRanges: [],
      includeOutboundPorts: [],
      excludeOutboundPorts: [],
      includeInboundPorts: "*",
      excludeInboundPorts: [15_020, 15_021, 15_090],
      excludeInterfaces: [],
      families: ["ipv4", "ipv6"],
    });
  });

  test("of one user, is what leaves", () => {
    expect(readCaptureOptions({ lists: {}, annotations: {}, user: 1000 })).toMatchObject({ user: 1000, includeInboundPorts: [] });
    expect(readCaptureOptions({ lists: { includeInboundPorts: "*" }, annotations: {}, user: 1000 })).toMatchObject({
      includeInboundPorts: "*",
    });
  });

  test("is what Istio's annotations say, and options over them", () => {
    const annotations = {
      [`${ANNOTATION}includeOutboundIPRanges`]: "10.0.0.0/8, fd00::/8",
      [`${ANNOTATION}excludeOutboundPorts`]: "5432,6379",
      [`${ANNOTATION}includeInboundPorts`]: "80",
      [`${ANNOTATION}excludeInterfaces`]: "docker0",
    };
    expect(
      readCaptureOptions({ lists: { includeInboundPorts: "*", excludeInboundPorts: "22" }, annotations, ownPorts: [9] }),
    ).toMatchObject({
      includeOutboundIpRanges: [
        { family: "ipv4", text: "10.0.0.0/8" },
        { family: "ipv6", text: "fd00::/8" },
      ],
      excludeOutboundPorts: [5432, 6379],
      includeInboundPorts: "*",
      excludeInboundPorts: [15_020, 15_021, 15_090, 9, 22],
      excludeInterfaces: ["docker0"],
    });
  });

  test("an address is a range of one", () => {
    expect(readCaptureOptions({ lists: { excludeOutboundIPRanges: "192.0.2.1,2001:db8::1" }, annotations: {} })).toMatchObject({
      excludeOutboundIpRanges: [{ text: "192.0.2.1/32" }, { text: "2001:db8::1/128" }],
    });
  });
});

describe("what is wrong", () => {
  test.each<[CaptureLists, string]>([
    [{ excludeOutboundPorts: "80,http" }, "excludeOutboundPorts: http is no port"],
    [{ includeInboundPorts: "0" }, "includeInboundPorts: 0 is no port"],
    [{ includeOutboundPorts: "65536" }, "includeOutboundPorts: 65536 is no port"],
    [{ includeOutboundIPRanges: "10.0.0.0/33" }, "10.0.0.0/33 is no range of addresses, such as 10.0.0.0/8 or *"],
    [{ includeOutboundIPRanges: "10.0.0.0/8,*" }, "includeOutboundIPRanges: * is no range"],
    [{ excludeOutboundIPRanges: "*" }, "excludeOutboundIPRanges: * is no range of addresses, such as 10.0.0.0/8"],
    [{ excludeOutboundIPRanges: "fe80::1%eth0" }, "is no range of addresses"],
    [{ excludeInterfaces: 'lo" accept' }, "is no name of an interface"],
    [{ excludeInterfaces: "a-name-that-is-too-long" }, "is no name of an interface"],
  ])("%j", (lists, text) => {
    const problems = readCaptureOptions({ lists, annotations: {} });
    expect(Array.isArray(problems) ? problems.join("\n") : problems).toContain(text);
  });

  test("a user whose traffic is the proxy's", () => {
    expect(readCaptureOptions({ lists: {}, annotations: {}, user: 1337 })).toEqual([expect.stringContaining("cannot be told apart")]);
  });
});
