import { type IssuerKeys, readJwksUri } from "../model/index.ts";
import type { EntryFormat } from "./kept-list.ts";

/** Where issuers of tokens said that their keys are: else good tokens would be refused after a restart until the issuers are heard again. */
export const ISSUERS: EntryFormat<readonly [issuer: string, keys: IssuerKeys]> = {
  what: "what issuers told of their keys",
  write: ([issuer, { uri }]) => (uri === undefined ? undefined : { file: issuer, line: 1, text: uri.uri }),
  read({ file: issuer, text }) {
    const uri = readJwksUri(text);
    return typeof uri === "string" ? undefined : [issuer, { uri, problem: undefined }];
  },
};
