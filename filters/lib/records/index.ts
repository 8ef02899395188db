export { RecordTable } from "./record-table";
