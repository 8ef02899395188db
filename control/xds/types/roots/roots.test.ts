import { expect, test } from "vitest";
import { typeUrl } from "../../../envoy-api/index.ts";
import { viewOf } from "../testing/view.ts";
import { rootsType } from "./index.ts";

const made = (roots: readonly string[]) => rootsType.translate(viewOf({ roots }), "roots");

test("has what Istio's agents ask for: a ProxyConfig with the certificates that are trusted, each by itself", () => {
  expect(typeUrl(rootsType.schema)).toBe("type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig");
  expect(made(["old", "new"]).map(({ name, message }) => [name, message.caCertificatesPem])).toEqual([["roots", ["old", "new"]]]);
});

test("has nothing where the mesh has no authority", () => {
  expect(made([])).toEqual([]);
});
