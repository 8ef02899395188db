import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type SecretSpec } from "./fields.ts";

/** Certificates and keys: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
export const secret: Kind<SecretSpec> = { kind: "Secret", group: "", versions: ["v1"], body: "document", fields, check, contribute };
