export { ProtobufReader, WireType } from "./reader";
export { ProtobufWriter } from "./writer";
