export { equalInConstantTime, hmac, hmacEquals } from "./hmac";
