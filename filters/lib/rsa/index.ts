export { RSA_LEAST_BITS, RSA_MOST_BITS, RsaPublicKey } from "./rsa";
