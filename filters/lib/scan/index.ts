export { StreamSearch } from "./stream-search";
