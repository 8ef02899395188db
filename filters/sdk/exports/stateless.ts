import { declareStateless } from "../contexts/callbacks";

export * from "./lifecycle";

// For filters that keep nothing per stream: one object serves all streams of a root, and the host is not asked to tell when one ends.
declareStateless("this module must be allowed proxy_set_effective_context");
