import { Bytes, Counter, Root, Stream } from "../sdk";
import { parseConfiguration } from "./configuration";
import { Policies } from "./policies";
import { AuthorizationStream } from "./stream";


@final
export class AuthorizationRoot extends Root {
  policies: Policies = new Policies();
  readonly allowed: Counter = new Counter("authorization.allowed");
  readonly denied: Counter = new Counter("authorization.denied");
  readonly shadowAllowed: Counter = new Counter("authorization.shadow_allowed");
  readonly shadowDenied: Counter = new Counter("authorization.shadow_denied");
  readonly customAllowed: Counter = new Counter("authorization.custom_allowed");
  readonly customDenied: Counter = new Counter("authorization.custom_denied");
  readonly customErrors: Counter = new Counter("authorization.custom_errors");
  readonly audited: Counter = new Counter("authorization.audited");

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration);
    const policies = result.policies;
    if (policies == null) return result.problem;
    this.policies = policies;
    return null;
  }

  createStream(): Stream {
    return new AuthorizationStream(this.policies.provider);
  }
}
