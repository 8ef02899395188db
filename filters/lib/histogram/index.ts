export { addTo, BUCKETS, bucketOf, highestOf, quantileOf } from "./histogram";
