import { BodyAction, HeaderMap, HeadersAction, HttpStream, Root, TrailersAction } from "../sdk";
import { StreamState } from "../sdk/contexts/stream";
import { Passage } from "./passage";

/** One HTTP stream, with a stream object of each filter, which all act in its context. */
@final
export class MeshStream extends HttpStream {
  private readonly members: StaticArray<HttpStream>;
  private readonly request: Passage;
  private readonly response: Passage;

  constructor(roots: Root[]) {
    super();
    const members = new StaticArray<HttpStream>(roots.length);
    for (let i = 0; i < roots.length; i++) {
      const member = changetype<HttpStream>(roots[i].createStream());
      member.begin(0, roots[i]);
      members[i] = member;
    }
    this.members = members;
    this.request = new Passage(members, false);
    this.response = new Passage(members, true);
    for (let i = 0; i < members.length; i++) members[i].composite = this;
  }

  reset(): void {
    const members = this.members;
    this.request.begin(members.length);
    this.response.begin(0);
    for (let i = 0; i < members.length; i++) {
      const member = unchecked(members[i]);
      member.begin(this.contextId, member.root);
    }
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    return this.request.headers(endOfStream);
  }

  onRequestBody(size: i32, endOfStream: bool): BodyAction {
    return this.request.body(size, endOfStream);
  }

  onRequestTrailers(trailers: HeaderMap): TrailersAction {
    return this.request.trailers();
  }

  /** A filter that the request never came to does not see the response either: as Envoy has it for filters on their own. */
  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    this.response.begin(this.request.reached);
    return this.response.headers(endOfStream);
  }

  onResponseBody(size: i32, endOfStream: bool): BodyAction {
    return this.response.body(size, endOfStream);
  }

  onResponseTrailers(trailers: HeaderMap): TrailersAction {
    return this.response.trailers();
  }

  onMemberResumedRequest(member: HttpStream): bool {
    return !this.request.resume() || this.resumeRequest();
  }

  onMemberResumedResponse(member: HttpStream): bool {
    return !this.response.resume() || this.resumeResponse();
  }

  onLog(): void {
    const members = this.members;
    for (let i = 0; i < members.length; i++) {
      unchecked(members[i]).state |= StreamState.Ended;
      unchecked(members[i]).onLog();
    }
  }

  /**
   * The host is not asked for `on_done`, a callback more for each stream: `on_delete`, which comes right after it and ends the filters' streams, does as well for one
   * that waits for the end of an attempt, where there is no log.
   */
  end(): void {
    super.end();
    const members = this.members;
    for (let i = 0; i < members.length; i++) {
      unchecked(members[i]).end();
    }
  }
}
