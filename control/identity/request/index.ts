/** The other side of the authority: a key, and the request for its certificate. */
export { type KeyAndRequest, newRequest } from "./new-request.ts";
