import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The least that is a module, and another: a custom section of that content. */
export function smallModule(content = ""): Buffer {
  const name = Buffer.from("test");
  const section = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(content)]);
  const sections = content === "" ? [] : [Buffer.from([0, section.length]), section];
  return Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), ...sections]);
}

/** A tar archive of one file. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, "latin1");
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  header.write("ustar\0", 257, "latin1");
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)]);
}

export interface TestImage {
  readonly tag?: string;
  readonly layers: readonly { readonly mediaType: string; readonly content: Buffer }[];
}

/** An OCI image layout on disk. Gives the digests of the images' manifests. */
export async function writeLayout(folder: string, images: readonly TestImage[]): Promise<readonly string[]> {
  await mkdir(join(folder, "blobs/sha256"), { recursive: true });
  const blob = async (content: Buffer, mediaType: string) => {
    const digest = createHash("sha256").update(content).digest("hex");
    await writeFile(join(folder, "blobs/sha256", digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const manifests = [];
  for (const { tag, layers } of images) {
    const config = await blob(Buffer.from("{}"), "application/vnd.oci.image.config.v1+json");
    const of = await Promise.all(layers.map(({ content, mediaType }) => blob(content, mediaType)));
    const manifest = await blob(
      Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: of })),
      "application/vnd.oci.image.manifest.v1+json",
    );
    manifests.push({ ...manifest, ...(tag === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": tag } }) });
  }
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return manifests.map(({ digest }) => digest.slice("sha256:".length));
}
