export { Modulus } from "./modulus";
