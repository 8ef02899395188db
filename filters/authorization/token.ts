import { Claims, CLAIMS_STATE } from "../lib/claims";
import { arena, Property } from "../sdk";
import { Limits } from "./limits";

const authentication = Property.of([CLAIMS_STATE]);

/** What the `authentication` filter verified about a request. In the arena. */
@unmanaged
@final
export class Token {
  claims: Claims;

  /** Whether the last {@link read} gave null although there was something. */
  static undecodable: bool = false;

  static read(): Token | null {
    const claims = Claims.parse(authentication.get(), Limits.TOKEN, Limits.TOKEN_DEPTH);
    Token.undecodable = claims.undecodable;
    if (!claims.authenticated) return null;
    const token = changetype<Token>(arena.allocate(offsetof<Token>()));
    token.claims = claims;
    return token;
  }
}
