export { BucketKey } from "./key";
export { BUCKET_SIZE, BucketPage, BUCKETS_PER_PAGE } from "./page";
export { BucketTable, pageCount, pageOf } from "./table";
export { TICKS_PER_MILLISECOND, TICKS_PER_NANOSECOND, TICKS_PER_SECOND, TokenBucket } from "./token-bucket";
