import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

/** Fields of a message that is yet to be made; unlike `MessageInitShape` no message itself, so it can be spread. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, MessageShape<Desc>>;
