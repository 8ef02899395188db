import { boolean, defaulted, list, object, optional, refused, required, text } from "../fields/index.ts";
import type { Kind } from "../kind.ts";
import { readManifests } from "../manifest/index.ts";
import { Code } from "../problem.ts";
import type { SourceChange, SourceFile } from "../source.ts";
import { Kinds } from "./kinds.ts";

interface Box {
  readonly hosts: readonly string[];
  readonly open: boolean;
  readonly colour: string | undefined;
}

const box: Kind<Box> = {
  kind: "Box",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1"],
  body: "spec",
  fields: object({
    hosts: required(list(text()), "What it is called by."),
    open: defaulted(boolean, false, "Whether it is open."),
    colour: optional(text(), "Its colour."),
    lid: refused("boxes have none; leave it out"),
  }),
  check: ({ spec }, report) => {
    if (spec.hosts.includes("*")) report("error", Code.Value, ["spec", "hosts", spec.hosts.indexOf("*")], "* is no host of the mesh");
    if (spec.colour === "grey") report("warning", Code.Surprise, ["spec", "colour"], "grey is hard to see");
  },
  contribute: () => ({}),
};

const core: Kind<{ readonly data: string | undefined }> = {
  kind: "Service",
  group: "",
  versions: ["v1"],
  body: "document",
  fields: object({ data: optional(text(), "Data.") }),
  contribute: () => ({}),
};

/** Two kinds, one of each form. */
export const kinds = new Kinds([box, core]);

/** The text of a Box. */
export function boxText(name: string, spec = "{hosts: [a]}", namespace = "default"): string {
  return `apiVersion: networking.istio.io/v1\nkind: Box\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;
}

/** A file as a source hands it over; `undefined` is one that cannot be read. */
export function sourceFile(file: string, content: string | undefined): SourceFile {
  return content === undefined ? { file, manifests: undefined, problems: [], broken: true } : { file, ...readManifests(file, content) };
}

/** A change of some files. */
export function change(files: Readonly<Record<string, string | undefined>>, complete = false): SourceChange {
  return { files: Object.entries(files).map(([file, content]) => sourceFile(file, content)), complete };
}
