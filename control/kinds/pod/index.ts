import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type PodSpec } from "./fields.ts";

/** Something that runs: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
export const pod: Kind<PodSpec> = { kind: "Pod", group: "", versions: ["v1"], body: "document", fields, check, contribute };
