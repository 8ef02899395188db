export { BLOCK_SIZE, MAX_VALUE, WorkloadMetadata } from "./block";
export { decodeWorkloadMetadata, MAX_HEADER } from "./decode";
export { encodeWorkloadMetadata } from "./encode";
export { WORKLOAD_FIELDS, WorkloadField } from "./fields";
