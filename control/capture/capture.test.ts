import { describe, expect, test } from "vitest";
import { type CaptureEnvironment, captureScript, removeCapture, setCapture } from "./capture.ts";
import { type CaptureOptions, type CaptureRequest, readCaptureOptions } from "./options.ts";
import { captureRules } from "./rules.ts";
import { CaptureError, runHere } from "./tool.ts";

// What the rules do is seen in capture.scenarios.ts, in network namespaces.

function optionsOf(request: Partial<CaptureRequest> = {}): CaptureOptions {
  const options = readCaptureOptions({ lists: {}, annotations: {}, ...request });
  if (!("families" in options)) throw new Error(options.join("\n"));
  return options;
}

/** A machine on which only `commands` are installed. */
function machine(commands: readonly string[], other: Partial<CaptureEnvironment> = {}) {
  const calls: string[] = [];
  const environment: CaptureEnvironment = {
    platform: "linux",
    hasIpv6: true,
    run: async (command, parameters) => {
      if (!commands.includes(command)) throw new CaptureError("missing", `${command} is not installed`);
      calls.push([command, ...parameters].join(" "));
      return "";
    },
    ...other,
  };
  return { calls, environment };
}

describe("the rules", () => {
  test("let traffic on the loopback interface through, unless it is asked for", () => {
    const reasons = (lists: CaptureRequest["lists"]) => captureRules(optionsOf({ lists }), "ipv4").outbound.map(({ reason }) => reason);
    expect(reasons({})).toContain("a service that calls its own address");
    expect(reasons({ includeOutboundIPRanges: "127.0.0.2/32" })).not.toContain("a service that calls its own address");
  });

  test("of a family have its ranges only", () => {
    const options = optionsOf({ lists: { includeOutboundIPRanges: "10.0.0.0/8,fd00::/8" } });
    const redirected = (family: "ipv4" | "ipv6") =>
      captureRules(options, family).outbound.flatMap(({ verdict, destination }) => (verdict === 15_001 ? [destination?.range] : []));
    expect(redirected("ipv4")).toEqual(["10.0.0.0/8"]);
    expect(redirected("ipv6")).toEqual(["fd00::/8"]);
  });

  test("for what comes are none where no port is included", () => {
    expect(captureRules(optionsOf({ lists: { includeInboundPorts: "" } }), "ipv4").inbound).toEqual([]);
  });

  test("can be read before they are set", async () => {
    const { environment, calls } = machine([]);
    expect(await captureScript(optionsOf(), environment, "nft")).toContain("table ip6 meshwright_capture {");
    expect(await captureScript(optionsOf({ families: ["ipv4"] }), environment, "nft")).not.toContain("ip6");
    expect(await captureScript(optionsOf(), environment, "iptables")).toContain("-A OUTPUT -p tcp -j MESHWRIGHT_OUTPUT");
    expect(calls).toEqual([]);
  });
});

describe("the tool", () => {
  test("is nft, else iptables", async () => {
    expect(await setCapture(optionsOf(), machine(["nft", "iptables"]).environment)).toBe("nft");
    const both = ["iptables", "iptables-restore", "ip6tables", "ip6tables-restore"];
    expect(await setCapture(optionsOf(), machine(both).environment)).toBe("iptables");
  });

  test("for IPv6 is needed only where the kernel has it", async () => {
    const { environment } = machine(["iptables", "iptables-restore"], { hasIpv6: false });
    expect(await setCapture(optionsOf(), environment)).toBe("iptables");
  });

  test("that is missing is told, and how to install it", async () => {
    await expect(setCapture(optionsOf(), machine([]).environment)).rejects.toThrow("not installed: install nftables or iptables (`apt-get");
    await expect(setCapture(optionsOf(), machine(["iptables"]).environment, "nft")).rejects.toThrow(
      "nft is not installed: install nftables",
    );
  });

  test("is asked for nothing where there is none: there are no rules to take away", async () => {
    expect(await removeCapture(machine([]).environment)).toBe(false);
  });

  test("that fails is no tool that is missing", async () => {
    const run = () => Promise.reject(new CaptureError("denied", "no"));
    await expect(removeCapture({ ...machine([]).environment, run })).rejects.toMatchObject({ code: "denied" });
  });
});

test("another system than Linux is refused, with another way", async () => {
  const { environment } = machine(["nft"], { platform: "darwin" });
  await expect(setCapture(optionsOf(), environment)).rejects.toThrow("INTERCEPTION_MODE: NONE");
});

describe("a command", () => {
  test("returns what it prints, and reads its input", async () => {
    expect(await runHere("cat", [], "a\n")).toBe("a\n");
  });

  test.each([
    ["is not there", "no-such-command", [], "missing", "no-such-command is not installed"],
    ["fails", "sh", ["-c", "echo why >&2; exit 4"], "failed", "sh: why"],
    [
      "is not let",
      "sh",
      ["-c", "echo 'Operation not permitted (you must be root)' >&2; exit 4"],
      "denied",
      "CAP_NET_ADMIN in this network namespace",
    ],
  ])("that %s: %s", async (_, command, parameters, code, text) => {
    await expect(runHere(command, parameters)).rejects.toMatchObject({ code, message: expect.stringContaining(text) as string });
  });
});
