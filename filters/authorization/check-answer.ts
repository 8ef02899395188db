import { arena, Bytes, HeaderPairs } from "../sdk";
import { Mutations } from "./mutation";

export const enum Verdict {
  Allowed,
  Denied,
  /** Nothing that can be understood, or no answer at all. */
  Failed,
}

/** What an external authoriser said, over HTTP or gRPC. In the arena, as are its parts. */
@unmanaged
@final
export class CheckAnswer {
  verdict: Verdict;
  /** Of a denial: what the client gets; a status that is none of 300 to 599 means 403. */
  status: u32;
  body: Bytes | null;
  headers: HeaderPairs;
  /** Of a permission: changes of the request's headers, of its query, and of the response's headers. */
  requestHeaders: Mutations;
  query: Mutations;
  responseHeaders: Mutations;

  /** One that has failed, until somebody says otherwise. */
  static create(): CheckAnswer {
    const answer = changetype<CheckAnswer>(arena.allocate(offsetof<CheckAnswer>()));
    answer.verdict = Verdict.Failed;
    answer.status = 0;
    answer.body = null;
    answer.headers = HeaderPairs.create();
    answer.requestHeaders = Mutations.create();
    answer.query = Mutations.create();
    answer.responseHeaders = Mutations.create();
    return answer;
  }

  /** What Envoy would take and this filter does not: a denial in its own words, which `failOpen` does not turn into a permission. */
  static refusal(): CheckAnswer {
    const answer = CheckAnswer.create();
    answer.verdict = Verdict.Denied;
    return answer;
  }
}
