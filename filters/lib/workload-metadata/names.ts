import { Text } from "../bytes";

// Keys of the node metadata that Istio's proxies exchange (istio/proxy, extensions/common/metadata_object.h).

export const NAME = Text.of("NAME");
export const NAMESPACE = Text.of("NAMESPACE");
export const OWNER = Text.of("OWNER");
export const WORKLOAD_NAME = Text.of("WORKLOAD_NAME");
export const CLUSTER_ID = Text.of("CLUSTER_ID");
export const LABELS = Text.of("LABELS");
export const CANONICAL_NAME = Text.of("service.istio.io/canonical-name");
export const CANONICAL_REVISION = Text.of("service.istio.io/canonical-revision");
export const APP = Text.of("app");
export const VERSION = Text.of("version");
