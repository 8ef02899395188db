/** Texts, and structs of them. */
export interface Metadata {
  readonly [key: string]: string | Metadata;
}

const sized = (tag: number, content: Buffer): Buffer => {
  const length = content.length < 0x80 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};

/** `x-envoy-peer-metadata` as Istio's proxies write it: base64 of a `google.protobuf.Struct`, keys sorted. */
export function metadataHeader(metadata: Metadata): string {
  return structOf(metadata).toString("base64");
}

function structOf(struct: Metadata): Buffer {
  const entries = Object.entries(struct).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(
    entries.map(([key, value]) => {
      const content = typeof value === "string" ? sized(0x1a, Buffer.from(value)) : sized(0x2a, structOf(value));
      return sized(0x0a, Buffer.concat([sized(0x0a, Buffer.from(key)), sized(0x12, content)]));
    }),
  );
}
