export { Curve } from "./curve";
export { EcdsaPublicKey } from "./ecdsa";
