import { parseClaimPath } from "../lib/claims";
import { ConfigValue } from "../lib/config";
import { Text } from "../sdk";
import { Descriptor, DescriptorKind } from "./descriptor";

const KINDS: string[] = [
  "header",
  "path",
  "method",
  "authority",
  "principal",
  "requestPrincipal",
  "consumer",
  "claim",
  "sourceAddress",
  "constant",
];
const FIELDS: string[] = KINDS.concat(["skipIfAbsent"]);

/** Reads `{header | path | method | authority | principal | requestPrincipal | consumer | claim | sourceAddress | constant, skipIfAbsent}`. */
export function parseDescriptor(value: ConfigValue): Descriptor {
  value.object(FIELDS);
  const count = value.atMostOne(KINDS);
  if (count == 0 && value.isObject) value.report("needs one of " + KINDS.join(", "));
  const descriptor = parseKind(value);
  const skip = value.get("skipIfAbsent");
  if (skip != null) descriptor.skipIfAbsent = skip.bool();
  return descriptor;
}

function parseKind(value: ConfigValue): Descriptor {
  const header = value.get("header");
  if (header != null) return new Descriptor(DescriptorKind.Header, header.headerName());
  const constant = value.get("constant");
  if (constant != null) return new Descriptor(DescriptorKind.Constant, constant.nonEmptyText());
  const claim = value.get("claim");
  if (claim != null) return parseClaim(claim);
  const source = value.get("sourceAddress");
  if (source != null) return parseSourceAddress(source);
  return new Descriptor(parseFlag(value), Text.of(""));
}

/** The kinds that are on or not there. */
function parseFlag(value: ConfigValue): DescriptorKind {
  const names = ["path", "method", "authority", "principal", "requestPrincipal", "consumer"];
  const kinds = [
    DescriptorKind.Path,
    DescriptorKind.Method,
    DescriptorKind.Authority,
    DescriptorKind.Principal,
    DescriptorKind.RequestPrincipal,
    DescriptorKind.Consumer,
  ];
  for (let i = 0; i < names.length; i++) {
    const flag = value.get(names[i]);
    if (flag == null) continue;
    expectTrue(flag);
    return kinds[i];
  }
  return DescriptorKind.Constant;
}

function expectTrue(value: ConfigValue): void {
  if (!value.bool()) value.report("can only be true");
}

/** `sub`, or Istio's `[group][nested]` for a claim within a claim. */
function parseClaim(value: ConfigValue): Descriptor {
  const descriptor = new Descriptor(DescriptorKind.Claim, Text.of(""));
  const text = value.nonEmptyText();
  if (text.bytes.length == 0 || text.bytes[0] != 0x5b) {
    descriptor.claim = [text];
    return descriptor;
  }
  const path = parseClaimPath(text.bytes);
  if (path != null) descriptor.claim = path;
  else value.report("expected the name of a claim, or [NAME][NAME] for a claim within a claim");
  return descriptor;
}

/** `true`, or `{v4PrefixMaskLen, v6PrefixMaskLen}`. */
function parseSourceAddress(value: ConfigValue): Descriptor {
  const descriptor = new Descriptor(DescriptorKind.SourceAddress, Text.of(""));
  if (!value.isObject) {
    expectTrue(value);
    return descriptor;
  }
  value.object(["v4PrefixMaskLen", "v6PrefixMaskLen"]);
  const v4 = value.get("v4PrefixMaskLen");
  if (v4 != null) descriptor.v4PrefixMaskLen = <i32>v4.integer(0, 32);
  const v6 = value.get("v6PrefixMaskLen");
  if (v6 != null) descriptor.v6PrefixMaskLen = <i32>v6.integer(0, 128);
  return descriptor;
}
