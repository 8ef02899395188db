import { Bytes, downstreamData, NetworkAction, Root, Stream, TcpStream, Text } from "..";

const HOLD = Text.of("hold");
const CLOSE = Text.of("close");

/** Holds data that begins with `hold` for 50 ms, closes at `close`, passes the rest with `> ` in front. */
@final
export class TcpRoot extends Root {
  configure(configuration: Bytes): string | null {
    return null;
  }

  createStream(): Stream {
    return new TcpTestStream();
  }
}


@final
class TcpTestStream extends TcpStream {
  onDownstreamData(size: i32, endOfStream: bool): NetworkAction {
    const data = downstreamData.get(0, size);
    if (data == null) return NetworkAction.Continue;
    if (data.startsWith(CLOSE.bytes)) {
      this.close();
      return NetworkAction.StopIteration;
    }
    if (data.startsWith(HOLD.bytes)) return this.callAfter(50) ? NetworkAction.StopIteration : NetworkAction.Continue;
    downstreamData.set(0, 0, Text.of("> ").bytes);
    return NetworkAction.Continue;
  }
}
